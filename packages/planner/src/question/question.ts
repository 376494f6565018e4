/** A question to the planner, after names are resolved: what runs, on what, under which engine, for whom. */
import type { ElementType, ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../bytes/kv-format.ts';
import type { Parallelism } from '../bytes/parallelism.ts';
import { type WeightFormat, weightFormat } from '../bytes/weight-format.ts';
import type { Workload } from '../deployment/deployment.ts';
import type { LlamaCppOptions } from '../engines/llama-cpp/request.ts';
import type { PlimsollOptions } from '../engines/plimsoll/settings.ts';
import type { VllmOptions } from '../engines/vllm/defaults.ts';
import type { SpeedAssumptions } from '../speed/performance.ts';
import { defaultKvFormat } from './plan-input.ts';

export type EngineName = 'none' | 'vllm' | 'llama.cpp' | 'plimsoll';
export const engineNames: readonly EngineName[] = ['vllm', 'llama.cpp', 'plimsoll', 'none'];

export interface PlanRequest {
  readonly spec: ModelSpec;
  /** The model as a person typed it, for the command line of the engine; the spec's id when absent. */
  readonly modelReference?: string | undefined;
  /** The draft of the engine `plimsoll` as a person typed it. */
  readonly draftReference?: string | undefined;
  readonly hardware: HardwareRecord;
  readonly parallelism: Parallelism;
  /** A weight format to convert to (`fp8`, `awq`, `Q4_K_M`); the checkpoint's own when absent. */
  readonly weights?: string | undefined;
  /** Type of what stays unquantised (an engine's --dtype); the checkpoint's own when absent. */
  readonly elementType?: ElementType | undefined;
  readonly kvFormat?: KvFormat | undefined;
  readonly engine: EngineName;
  /** `0.19.0` for vLLM, a build number such as `b5192` for llama.cpp; the newest when absent. */
  readonly engineVersion?: string | undefined;
  readonly vllm?: VllmOptions | undefined;
  readonly llamaCpp?: LlamaCppOptions | undefined;
  readonly plimsoll?: PlimsollOptions | undefined;
  readonly workload: Workload;
  /** Devices of at least this much memory, smallest first: where to look when nothing else makes a model fit. */
  readonly largerDevices?: ((bytesMin: number) => readonly HardwareRecord[]) | undefined;
  readonly assumptions?: SpeedAssumptions | undefined;
}

/** The formats a request ends up with, after the checkpoint's own wishes and the defaults. */
export function requestFormats(request: PlanRequest): {
  readonly weights: WeightFormat;
  readonly kv: KvFormat;
} {
  const weights = weightFormat(request.spec, { format: request.weights, base: request.elementType });
  return { weights, kv: request.kvFormat ?? defaultKvFormat(request.spec, weights.base) };
}

/** The model as an argument of a command line. */
export function modelArgument(request: Pick<PlanRequest, 'modelReference' | 'spec'>): string {
  return shellArgument(request.modelReference ?? request.spec.id);
}

/** Quoted where a shell would take it apart. */
export function shellArgument(name: string): string {
  return /^[\w./:@%+=-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
