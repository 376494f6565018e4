/** The input of a plan, after names are resolved and text is parsed. */
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
  /** Tokens in a KV block. Default: the engine's. */
  readonly blockTokens?: number | undefined;
  /** Engine whose speed assumptions apply. Default: `none`. */
  readonly engine?: string | undefined;
  readonly assumptions?: SpeedAssumptions | undefined;
}

/**
 * Reads the speed facts of a device. The fastest link counts; a device without links gets its memory bandwidth instead.
 */
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
 * Returns the bytes per element of recurrent state and of convolution tails. If the model does not name the type of its
 * recurrent state, the engine's type applies (`fallback`): fp32 in most engines because a recurrence accumulates its
 * errors, in vLLM the model's own type. Kimi delta attention takes fp32 in every engine.
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

/**
 * Returns the default type of cached keys and values: the type that the checkpoint asks for, otherwise the base type,
 * or bf16 if the base type has 8 bits.
 */
export function defaultKvFormat(spec: ModelSpec, base: ElementType): KvFormat {
  if (spec.quantization?.kvCache === 'fp8') return 'fp8';
  return base === 'fp8' || base === 'int8' ? 'bf16' : base;
}
