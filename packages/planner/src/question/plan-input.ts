/** What a plan starts from, after names are resolved and text is parsed. */
import type { ElementType, ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../bytes/kv-format.ts';
import type { Parallelism } from '../bytes/parallelism.ts';
import { elementBytes, type WeightFormat } from '../bytes/weight-format.ts';
import type { SpeedAssumptions } from '../speed/assumptions.ts';
import { speedAssumptions } from '../speed/assumptions.ts';
import type { DeviceSpeed } from '../speed/step-time.ts';

export interface PlanInput {
  readonly spec: ModelSpec;
  readonly hardware: HardwareRecord;
  readonly parallelism: Parallelism;
  readonly format: WeightFormat;
  readonly kvFormat: KvFormat;
  /** Tokens of a KV block; the engine's default when absent. */
  readonly blockTokens?: number | undefined;
  /** Whose habits the speed figures assume. */
  readonly engine?: string | undefined;
  readonly assumptions?: SpeedAssumptions | undefined;
}

/** Speed facts of a device; the fastest link counts, and a device without one goes over PCIe 4 x16 to its host. */
export function deviceSpeed(input: Pick<PlanInput, 'hardware' | 'assumptions' | 'engine'>): {
  readonly device: DeviceSpeed;
  readonly assumptions: SpeedAssumptions;
} {
  const { hardware } = input;
  let linkBytesPerSecond = 0;
  for (const link of hardware.links) {
    linkBytesPerSecond = Math.max(linkBytesPerSecond, link.bytesPerSecondPerDirection);
  }
  return {
    device: {
      bandwidthBytesPerSecond: hardware.memory.bandwidthBytesPerSecond,
      rates: hardware.rates,
      linkBytesPerSecond:
        linkBytesPerSecond > 0 ? linkBytesPerSecond : hardware.memory.bandwidthBytesPerSecond,
      dispatchSeconds: hardware.dispatchSeconds,
    },
    assumptions: input.assumptions ?? speedAssumptions({ hardware, engine: input.engine ?? 'none' }),
  };
}

/**
 * Types of recurrent state and of convolution tails. Where the model does not say, recurrent state takes the engine's
 * type: fp32 in most (a recurrence sums its errors up), the model's own in vLLM except for Kimi delta attention.
 */
export function stateElementBytes(
  spec: ModelSpec,
  format: WeightFormat,
  fallback: ElementType = 'fp32',
): { readonly recurrentElementBytes: number; readonly convolutionElementBytes: number } {
  const sumsInFull = spec.layers.some(
    ({ attention }) => attention.kind === 'linear' && attention.variant === 'kimi-delta',
  );
  return {
    recurrentElementBytes: elementBytes[spec.recurrentType ?? (sumsInFull ? 'fp32' : fallback)],
    convolutionElementBytes: elementBytes[format.base],
  };
}

/** The type of cached keys and values when nobody chose one: what the checkpoint asks for, else the base type. */
export function defaultKvFormat(spec: ModelSpec, base: ElementType): KvFormat {
  if (spec.quantization?.kvCache === 'fp8') return 'fp8';
  return base === 'fp8' || base === 'int8' ? 'bf16' : base;
}
