/**
 * A question to the planner, after names are resolved: a model, its devices and a workload. An engine profile answers
 * it.
 */
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
  /** The model reference as typed, for the engine's command line. Default: the spec's id. */
  readonly modelReference?: string | undefined;
  readonly hardware: HardwareRecord;
  /** All devices in order, if they differ; `hardware` is the first. */
  readonly devices?: readonly HardwareRecord[] | undefined;
  readonly parallelism: Parallelism;
  /** Weight format to convert to (`fp8`, `awq`, `Q4_K_M`). Default: the checkpoint's own. */
  readonly weights?: string | undefined;
  /** A published checkpoint of the model in the format `weights`, for the engine's command line. */
  readonly convertedReference?: string | undefined;
  /** Type of the tensors that stay unquantised (an engine's --dtype). Default: the checkpoint's own. */
  readonly elementType?: ElementType | undefined;
  readonly kvFormat?: KvFormat | undefined;
  /** `0.19.0` for vLLM, a build number such as `b5192` for llama.cpp. Default: the newest release. */
  readonly engineVersion?: string | undefined;
  /** Options that only some engines have. An engine reads its own options and ignores the others. */
  readonly options?: Options | undefined;
  readonly workload: Workload;
  /** True if the user named no number of users, so that an engine with slots takes its own number. */
  readonly usersAreDefault?: boolean | undefined;
  /**
   * The word with which the user left the context to the engine; `workload` then has the context that the engine
   * chose. Undefined if the user named a number of tokens.
   */
  readonly openContext?: string | undefined;
  /**
   * Lists devices with at least `bytesMin` of memory, smallest first. Advice searches them if the model does not fit.
   */
  readonly largerDevices?: ((bytesMin: number) => readonly HardwareRecord[]) | undefined;
  readonly assumptions?: SpeedAssumptions | undefined;
}

/** Resolves the formats of weights and cache: the question's choice, then the checkpoint's, then the default. */
export function questionFormats(question: Question): {
  readonly weights: WeightFormat;
  readonly kv: KvFormat;
} {
  const weights = weightFormat(question.spec, { format: question.weights, base: question.elementType });
  return { weights, kv: question.kvFormat ?? defaultKvFormat(question.spec, weights.base) };
}

/** Returns the model as an argument of a shell command line. */
export function modelArgument(question: Pick<Question, 'modelReference' | 'spec'>): string {
  return shellArgument(question.modelReference ?? question.spec.id);
}

/** Quotes a name for a POSIX shell if it holds characters that the shell would interpret. */
export function shellArgument(name: string): string {
  return /^[\w.,/:@%+=-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
