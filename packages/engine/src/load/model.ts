/**
 * An opened model: everything except its weights. It is immutable, and any number of engines can share it; each engine
 * plans its own memory from the spec and reads the weights into that memory.
 */
import type { ModelSpec } from '@plimsoll/model-files';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import type { Tokenizer } from '@plimsoll/text';
import type { ModelGraph } from '../model/graph.ts';
import type { ModelParameters } from '../model/parameters.ts';
import type { WeightNames } from '../model/weight-names.ts';
import type { WeightSource } from './weight-source.ts';

export interface DraftFacts {
  /** Layers of the target whose states the draft reads, by their output; null = the usual ones. */
  readonly layerIds: readonly number[] | null;
  /** The target's id of each token that the draft predicts; null = the same ids. */
  readonly draftToTarget: Int32Array | null;
}

export interface Model {
  /** Path of the GGUF file or of the directory. */
  readonly path: string;
  readonly spec: ModelSpec;
  readonly parameters: ModelParameters;
  readonly graph: ModelGraph;
  readonly names: WeightNames;
  /** Metadata of a GGUF file, including the vocabulary; null for checkpoints of the Hub. */
  readonly metadata: ReadonlyMap<string, GgufValue> | null;
  /** What an EAGLE3 draft knows of its target; null for a model that generates by itself. */
  readonly draft: DraftFacts | null;
  /** Opens the weight files. The caller closes the source. */
  openWeights(): Promise<WeightSource>;
  /** Makes a tokenizer from the file's vocabulary, or from tokenizer.json in the model's directory. */
  loadTokenizer(): Promise<Tokenizer>;
}
