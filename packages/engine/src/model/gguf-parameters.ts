/**
 * Reads parameters from GGUF metadata: keys under `<architecture>.`, named in llama.cpp's gguf-py/gguf/constants.py.
 * Divisors of rotary frequencies are tensors in GGUF files; the caller reads them.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import type { ModelOverrides } from '../memory/model-config.ts';
import type { RotationScaling } from './graph.ts';
import type { ModelParameters } from './parameters.ts';

/** Values of `rope_freqs.weight`, `rope_factors_long.weight` and `rope_factors_short.weight`; null if absent. */
export interface RopeTensors {
  readonly freqs: readonly number[] | null;
  readonly long: readonly number[] | null;
  readonly short: readonly number[] | null;
}

type Metadata = ReadonlyMap<string, GgufValue>;

export function parametersFromGguf(
  metadata: Metadata,
  ropeTensors: RopeTensors,
  overrides: ModelOverrides | null = null,
): ModelParameters {
  const keys = new ArchitectureKeys(metadata);
  return {
    source: 'gguf',
    normEpsilon: keys.required('attention.layer_norm_rms_epsilon'),
    ropeBase: keys.number('rope.freq_base'),
    ropeBaseSliding: keys.number('rope.freq_base_swa'),
    rotaryDim: keys.number('rope.dimension_count'),
    ropeScaling: scalingOf(keys, ropeTensors),
    ropeScalingSliding: { kind: 'none' },
    rotaryDimSliding: keys.number('rope.dimension_count_swa'),
    attentionSoftCap: keys.number('attn_logit_softcapping'),
    logitSoftCap: keys.number('final_logit_softcapping'),
    queryScalar: null,
    expertWeightsNormalised: keys.flag('expert_weights_norm'),
    isCausal: keys.flag('attention.causal') ?? true,
    activation: keys.text('hidden_activation'),
    overrides,
  };
}

class ArchitectureKeys {
  readonly #metadata: Metadata;
  readonly #prefix: string;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
    const architecture = metadata.get('general.architecture');
    this.#prefix = architecture?.type === 'string' ? `${architecture.value}.` : '';
  }

  number(name: string): number | null {
    const value = this.#value(name);
    if (value === undefined) return null;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    throw new PlimsollError({
      code: 'gguf-bad-value',
      message: `GGUF: metadata "${this.#prefix}${name}" is ${String(value)}, not a finite number`,
      value: String(value),
      limit: 'a finite number',
      hint: 'the metadata is damaged; convert the model again',
    });
  }

  required(name: string): number {
    const value = this.number(name);
    if (value !== null) return value;
    throw new PlimsollError({
      code: 'gguf-missing-key',
      message: `GGUF: metadata "${this.#prefix}${name}" is missing`,
      value: `${this.#prefix}${name}`,
      hint: 'the file does not say how its tensors are used; convert the model again',
    });
  }

  text(name: string): string | null {
    const value = this.#value(name);
    return typeof value === 'string' ? value : null;
  }

  flag(name: string): boolean | null {
    const value = this.#value(name);
    return typeof value === 'boolean' ? value : null;
  }

  #value(name: string): number | bigint | boolean | string | undefined {
    const entry = this.#metadata.get(`${this.#prefix}${name}`);
    return entry === undefined || entry.type === 'array' ? undefined : entry.value;
  }
}

function scalingOf(keys: ArchitectureKeys, { freqs, long, short }: RopeTensors): RotationScaling {
  if (freqs !== null) return { kind: 'factors', factors: freqs, attentionFactor: 1 };
  const originalContext = keys.number('rope.scaling.original_context_length');
  if (long !== null && short !== null) {
    return {
      kind: 'longrope',
      longFactors: long,
      shortFactors: short,
      originalContext: originalContext ?? keys.required('context_length'),
      attentionFactor: keys.number('rope.scaling.attn_factor') ?? 1,
    };
  }
  const type = keys.text('rope.scaling.type') ?? 'none';
  const factor = keys.number('rope.scaling.factor');
  if (type === 'none' || factor === null || factor === 1) return { kind: 'none' };
  if (type === 'linear') return { kind: 'linear', factor };
  if (type === 'yarn') {
    return {
      kind: 'yarn',
      factor,
      originalContext: originalContext ?? keys.required('context_length') / factor,
      betaFast: keys.number('rope.scaling.yarn_beta_fast') ?? 32,
      betaSlow: keys.number('rope.scaling.yarn_beta_slow') ?? 1,
      attentionFactor: null,
    };
  }
  throw new PlimsollError({
    code: 'unsupported-rope-scaling',
    message: `the engine has no rotary scaling "${type}"`,
    value: type,
    limit: 'none, linear, yarn, and factors as tensors',
    hint: 'convert the model with a rule that the engine has',
  });
}
