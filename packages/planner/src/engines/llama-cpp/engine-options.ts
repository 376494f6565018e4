/** The options of one start of llama.cpp, and the values that the engine resolves them to. */
import { assert } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { BackendKind } from './backends.ts';
import type { CacheOptions } from './cache-buffers.ts';
import type { Division } from './division.ts';
import { type EngineRules, newestBuild, rulesOfBuild } from './engine-rules.ts';
import type { HostWeightOptions } from './model-buffers.ts';
import type { PlacedPattern } from './placement.ts';

export interface LlamaCppInput {
  readonly spec: ModelSpec;
  /** Mixture of tensor types, such as "Q4_K_M"; null if the tensors of the spec state their stored types. */
  readonly fileType: string | null;
  readonly contextTokens: number;
  /** `-b` and `-ub`. */
  readonly batchTokens?: number;
  readonly microBatchTokens?: number;
  /** `-np`: slots. */
  readonly sequences?: number;
  readonly unifiedCache?: boolean;
  readonly flashAttention?: boolean;
  /** `-ctk`, `-ctv`: ggml types. */
  readonly keyType?: string;
  readonly valueType?: string;
  /** `-ngl`; `all` offloads every layer and the head. */
  readonly gpuLayers?: number | 'all';
  readonly cpuExpertLayers?: number;
  /** `--override-tensor`, with backends instead of the names of buffers. */
  readonly overrides?: readonly PlacedPattern[];
  readonly backend: BackendKind;
  readonly devices?: number;
  readonly deviceShares?: readonly number[];
  /** How devices share single matrices. */
  readonly division?: Division | undefined;
  /** `--no-kv-offload` when false. */
  readonly offloadCache?: boolean;
  /** `--no-op-offload` when false. */
  readonly offloadOperations?: boolean;
  readonly fullWindow?: boolean;
  /** True if prediction layers have caches without being run (ik_llama.cpp). */
  readonly cachesPredictionLayers?: boolean;
  readonly rollbackStates?: number;
  /** Tokens of a draft, which has a row of logits each when the model checks it. */
  readonly draftRows?: number;
  /** True if the prediction layers of the file are loaded, for drafts. */
  readonly loadsPredictionLayers?: boolean;
  /** Rows of logits in the worst case, `tokens` for a row per token of a batch; undefined applies the engine's rule. */
  readonly outputs?: number | 'tokens';
  /** True if the output buffer also holds embeddings (ollama always requests them). */
  readonly embeddings?: boolean;
  readonly build?: number;
  /** Pipeline parallelism over several devices; undefined uses it where the backend supports it. */
  readonly pipelined?: boolean;
  /** True if the file stores latent attention as absorbed matrices; undefined applies the rule of the build. */
  readonly absorbedMla?: boolean;
  readonly host?: Partial<HostWeightOptions>;
}

/** The input with every default and every clamp applied. */
export interface ResolvedOptions {
  readonly batchTokens: number;
  readonly microBatchTokens: number;
  readonly sequences: number;
  readonly flashAttention: boolean;
  readonly keyType: string;
  readonly valueType: string;
  readonly gpuLayers: number;
  readonly devices: number;
  readonly outputs: number;
  readonly rules: EngineRules;
  readonly cache: CacheOptions;
}

function outputRows(input: LlamaCppInput, rules: EngineRules, microBatchTokens: number): number {
  if (typeof input.outputs === 'number') return input.outputs;
  if (input.outputs === 'tokens' || !rules.serverLimitsOutputs) return microBatchTokens;
  return (input.sequences ?? 1) * (1 + (input.draftRows ?? input.rollbackStates ?? 0));
}

export function resolveOptions(input: LlamaCppInput): ResolvedOptions {
  const rules = rulesOfBuild(input.build ?? newestBuild);
  const sequences = input.sequences ?? 1;
  const flashAttention = input.flashAttention ?? rules.automaticFlashAttention;
  const batchTokens = Math.min(input.contextTokens, input.batchTokens ?? 2048);
  const microBatchTokens = Math.min(batchTokens, input.microBatchTokens ?? 512);
  const devices = input.backend === 'cpu' ? 0 : (input.devices ?? 1);
  const gpuLayers = input.gpuLayers ?? 'all';
  const rollbackStates = input.rollbackStates ?? 0;
  const keyType = input.keyType ?? 'f16';
  const valueType = input.valueType ?? 'f16';
  assert(sequences >= 1 && input.contextTokens >= 1, 'a context has at least one token and one sequence');
  return {
    batchTokens,
    microBatchTokens,
    sequences,
    flashAttention,
    keyType,
    valueType,
    gpuLayers:
      gpuLayers === 'all' ? input.spec.layers.length + input.spec.predictionLayers.length + 1 : gpuLayers,
    devices,
    outputs: outputRows(input, rules, microBatchTokens),
    rules,
    cache: {
      contextTokens: input.contextTokens,
      microBatchTokens,
      sequences,
      unified: input.unifiedCache ?? !rules.streams,
      flashAttention,
      keyType,
      valueType,
      fullWindow: input.fullWindow ?? false,
      rollbackStates,
      absorbedMla: input.absorbedMla ?? rules.latentCache,
      rules,
    },
  };
}
