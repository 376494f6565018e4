/**
 * A model as opened: everything but its weights. Immutable, and shared by as many engines as want it; each of them plans
 * its own memory from the spec and reads the weights into it.
 */
import type { GgufValue, ModelSpec } from '@plimsoll/model-files';
import type { Tokenizer } from '@plimsoll/text';
import type { ModelGraph } from '../model/graph.ts';
import type { ModelParameters } from '../model/parameters.ts';
import type { WeightNames } from '../model/weight-names.ts';
import type { WeightSource } from './weight-source.ts';

export interface Model {
  /** File or directory. */
  readonly path: string;
  readonly spec: ModelSpec;
  readonly parameters: ModelParameters;
  readonly graph: ModelGraph;
  readonly names: WeightNames;
  /** Metadata of a GGUF file, vocabulary included; null for checkpoints of the Hub. */
  readonly metadata: ReadonlyMap<string, GgufValue> | null;
  openWeights(): Promise<WeightSource>;
  /** Made from the file's vocabulary, or from tokenizer.json beside the weights. */
  loadTokenizer(): Promise<Tokenizer>;
}
