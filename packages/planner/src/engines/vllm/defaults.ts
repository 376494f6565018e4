/**
 * What vLLM fills in when a flag is absent (vllm/engine/arg_utils.py and vllm/config of the releases named below).
 */
import { GiB } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { VllmOptions } from './options.ts';
import type { VllmRelease } from './release.ts';

export interface VllmSettings {
  readonly utilization: number;
  readonly maxModelLen: number;
  readonly batchedTokens: number;
  readonly sequences: number;
  /** Tokens that may be scheduled before results come back: windows must keep room for them. */
  readonly inFlightTokens: number;
  readonly blockTokens: number;
  readonly eager: boolean;
  readonly prefixCaching: boolean;
  readonly speculativeTokens: number;
}

export function vllmSettings(
  options: VllmOptions,
  release: VllmRelease,
  spec: ModelSpec,
  hardware: HardwareRecord,
): VllmSettings {
  const maxModelLen = options.maxModelLen ?? spec.contextLength;
  const batch =
    release.engine === 'V0'
      ? { tokens: v0BatchedTokens(release, spec, maxModelLen), sequences: 256 }
      : batchDefaults(options, release, hardware);
  const batchedTokens = options.maxNumBatchedTokens ?? batch.tokens;
  // Asynchronous scheduling has two steps under way (vllm/config/vllm.py, max_in_flight_tokens).
  const steps = release.number >= 26 ? 2 : 1;
  return {
    // 0.9 until 0.19, 0.92 from 0.20 (vllm/config/cache.py).
    utilization: options.gpuMemoryUtilization ?? (release.number >= 20 ? 0.92 : 0.9),
    maxModelLen,
    batchedTokens,
    sequences: Math.min(options.maxNumSeqs ?? batch.sequences, batchedTokens),
    inFlightTokens: steps * batchedTokens,
    blockTokens: options.blockTokens ?? 16,
    eager: options.enforceEager ?? false,
    prefixCaching: options.prefixCaching ?? release.engine === 'V1',
    speculativeTokens: options.speculativeTokens ?? 0,
  };
}

function batchDefaults(
  options: VllmOptions,
  release: VllmRelease,
  hardware: HardwareRecord,
): { readonly tokens: number; readonly sequences: number } {
  const total = hardware.memory.usableBytes;
  const isA100 = hardware.id.includes('a100');
  const small =
    total < 70 * GiB || (isA100 && release.number >= 9) || (isGb10(hardware) && release.number >= 30);
  if (small) return { tokens: options.usage === 'batch' ? 8192 : 2048, sequences: 256 };
  const large = release.number >= 29 && total >= 160 * GiB;
  return { tokens: options.usage === 'batch' || large ? 16384 : 8192, sequences: 1024 };
}

function isGb10(hardware: HardwareRecord): boolean {
  return hardware.computeCapability === '12.1';
}

/**
 * V0 profiles one whole prompt unless chunked prefill is on, which it turns on by itself above 32k (from 0.5.3, for
 * models without windows, latent attention or images).
 */
function v0BatchedTokens(release: VllmRelease, spec: ModelSpec, maxModelLen: number): number {
  const isPlain = spec.vision === null && spec.layers.every((layer) => layer.attention.kind === 'full');
  if (release.number >= 5.03 && maxModelLen > 32768 && isPlain) return release.number >= 7 ? 2048 : 512;
  const images = spec.vision !== null && release.number >= 6.04 ? multimodalTokensMin : 2048;
  return Math.max(maxModelLen, images);
}

/** V0 keeps room for the features of images (vllm/config.py, SchedulerConfig). */
const multimodalTokensMin = 5120;
