/**
 * Infers the quantisation from a model's name ("-AWQ", "-FP8-dynamic"), with the defaults of the tools of that name.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec, WeightScheme } from '../../model-spec.ts';
import { assignSchemes } from './assign.ts';
import type { QuantizationPlan } from './plan.ts';
import { bitsandbytesScheme, fp8Scheme, integerScheme, microscalingScheme, nvfp4Scheme } from './schemes.ts';

/** In the form of the registry: `{ method: 'awq', weights: '4-bit' }`, `{ weights: 'fp8 block' }`. */
export interface NamedQuantization {
  readonly method?: string | undefined;
  readonly weights?: string | undefined;
}

export function planFromName(named: NamedQuantization): QuantizationPlan {
  const method = named.method ?? defaultMethod(named.weights ?? '');
  const scheme = schemeFromName(method, named.weights ?? '4-bit');
  if (scheme === null) {
    throw new PlimsollError({
      code: 'unsupported-quantization',
      message: `quantisation "${method} ${named.weights ?? ''}" is not modelled`,
      value: `${method} ${named.weights ?? ''}`.trim(),
      limit: 'fp8, int8, int4, nvfp4, mxfp4 or mxfp8 weights',
      hint: 'name the method and the weights: {"method": "awq", "weights": "int4"}',
    });
  }
  return {
    method,
    rules: [{ scheme }],
    unquantized: [],
    kvCache: null,
    inferred: true,
    customaryExclusions: true,
  };
}

function defaultMethod(weights: string): string {
  if (weights.startsWith('nvfp4')) return 'modelopt';
  if (weights.startsWith('mxfp4')) return 'mxfp4';
  return weights === 'fp8' || weights === 'fp8 block' ? 'fp8' : 'compressed-tensors';
}

/** Integer weights of up to 4 bits have groups of 128; 8-bit weights have a scale per output channel. */
function schemeFromName(method: string, weights: string): WeightScheme | null {
  if (/^nf4|^fp4/.test(weights)) return bitsandbytesScheme(weights.startsWith('nf4') ? 'nf4' : 'fp4', true);
  if (weights.startsWith('nvfp4')) return nvfp4Scheme();
  if (weights.startsWith('mxfp4')) return microscalingScheme('mxfp4');
  if (weights.startsWith('mxfp8')) return microscalingScheme('mxfp8');
  if (weights.startsWith('fp8'))
    return fp8Scheme(weights.includes('block') ? { blockShape: [128, 128] } : {});
  const bits = Number(/^(?:int)?(\d)(?:-bit)?$/.exec(weights)?.[1] ?? 0);
  if (method === 'bitsandbytes')
    return bits === 8 ? integerScheme(8, { scaleType: 'fp32' }) : bitsandbytesScheme('nf4', true);
  if (bits === 8) return integerScheme(8, { scaleType: 'bf16' });
  const zeroPoints = method === 'awq' || method === 'gptq' || method === 'auto-round';
  return integerScheme(bits, { groupSize: 128, zeroPoints });
}

/**
 * Returns the spec quantised as a name states, or as by an engine that quantises on loading (vLLM's `--quantization
 * fp8`). Throws `unsupported-quantization`.
 */
export function withQuantization(spec: ModelSpec, named: NamedQuantization): ModelSpec {
  return { ...spec, ...assignSchemes(spec, planFromName(named)) };
}
