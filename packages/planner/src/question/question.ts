/** A question to the planner, after names are resolved: what runs, on what, for whom. The engine is asked it. */
import type { ElementType, ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../bytes/kv-format.ts';
import type { Parallelism } from '../bytes/parallelism.ts';
import { type WeightFormat, weightFormat } from '../bytes/weight-format.ts';
import type { SpeedAssumptions } from '../speed/assumptions.ts';
import { defaultKvFormat } from './plan-input.ts';
import type { Workload } from './workload.ts';

export interface Question<Options extends object = object> {
  readonly spec: ModelSpec;
  /** The model as a person typed it, for the command line of the engine; the spec's id when absent. */
  readonly modelReference?: string | undefined;
  readonly hardware: HardwareRecord;
  readonly parallelism: Parallelism;
  /** A weight format to convert to (`fp8`, `awq`, `Q4_K_M`); the checkpoint's own when absent. */
  readonly weights?: string | undefined;
  /** Type of what stays unquantised (an engine's --dtype); the checkpoint's own when absent. */
  readonly elementType?: ElementType | undefined;
  readonly kvFormat?: KvFormat | undefined;
  /** `0.19.0` for vLLM, a build number such as `b5192` for llama.cpp; the newest when absent. */
  readonly engineVersion?: string | undefined;
  /** What only some engines have a flag for; an engine reads its own and leaves the rest. */
  readonly options?: Options | undefined;
  readonly workload: Workload;
  /** Devices of at least this much memory, smallest first: where to look when nothing else makes a model fit. */
  readonly largerDevices?: ((bytesMin: number) => readonly HardwareRecord[]) | undefined;
  readonly assumptions?: SpeedAssumptions | undefined;
}

/** The formats a question ends up with, after the checkpoint's own wishes and the defaults. */
export function questionFormats(question: Question): {
  readonly weights: WeightFormat;
  readonly kv: KvFormat;
} {
  const weights = weightFormat(question.spec, { format: question.weights, base: question.elementType });
  return { weights, kv: question.kvFormat ?? defaultKvFormat(question.spec, weights.base) };
}

/** The model as an argument of a command line. */
export function modelArgument(question: Pick<Question, 'modelReference' | 'spec'>): string {
  return shellArgument(question.modelReference ?? question.spec.id);
}

/** Quoted where a shell would take it apart. */
export function shellArgument(name: string): string {
  return /^[\w./:@%+=-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
