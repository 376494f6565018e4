/** Layers whose cache keeps the model's type (--kv-cache-dtype-skip-layers; model_executor/layers/attention/attention.py). */
import type { ElementType, ModelSpec } from '@plimsoll/model-files/spec';
import type { OtherFormat } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import { windowedLayers } from './state-options.ts';

/** TurboQuant keeps the first and the last layers of models without recurrent state (turboquant/config.py, get_boundary_skip_layers). */
const boundaryLayers = 2;

export function skippedLayers(
  spec: ModelSpec,
  cache: {
    readonly kvFormat: KvFormat;
    /** Type of the tensors that stay unquantised. */
    readonly base: ElementType;
    readonly skips: readonly string[];
  },
): OtherFormat | undefined {
  const { kvFormat, base, skips } = cache;
  const own: KvFormat = base === 'fp8' || base === 'int8' ? 'bf16' : base;
  const stated = skips.filter((word) => word !== windowedLayers).map(Number);
  const layers = [...new Set([...stated, ...(kvFormat.startsWith('turboquant') ? boundary(spec) : [])])];
  const windowed = skips.includes(windowedLayers);
  if (kvFormat === own || (layers.length === 0 && !windowed)) return undefined;
  return { kvFormat: own, layers, windowed };
}

function boundary({ layers }: ModelSpec): readonly number[] {
  if (layers.some(({ attention }) => attention.kind === 'linear' || attention.kind === 'ssm')) return [];
  const kept = Math.min(boundaryLayers, Math.floor(layers.length / 2));
  const numbers = layers.map((_, index) => index);
  return kept === 0 ? [] : [...numbers.slice(0, kept), ...numbers.slice(-kept)];
}
