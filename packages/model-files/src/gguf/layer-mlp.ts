/** Reads the feed-forward part of a layer of a GGUF file from the shapes of its tensors. */
import { PlimsollError } from '@plimsoll/foundation';
import type { MlpSpec } from '../model-spec.ts';
import type { LayerView } from './layer-view.ts';

/**
 * True if one matrix holds gate and up rows: then ffn_gate is absent, and ffn_up has twice as many rows as ffn_down has
 * inputs.
 */
export function hasFusedGate(layer: LayerView): boolean {
  const up = layer.shape('ffn_up')?.at(-2);
  const down = layer.shape('ffn_down')?.at(-1);
  return !layer.has('ffn_gate') && up !== undefined && down !== undefined && up === 2 * down;
}

export function mlpOfLayer(layer: LayerView, expertsPerToken: number | undefined): MlpSpec {
  if (layer.hasExperts) return expertMlp(layer, expertsPerToken);
  const intermediateSize = layer.shape('ffn_down')?.at(-1);
  if (intermediateSize === undefined) return { kind: 'none' };
  return { kind: 'dense', intermediateSize, gated: layer.has('ffn_gate') || hasFusedGate(layer) };
}

function expertMlp(layer: LayerView, expertsPerToken: number | undefined): MlpSpec {
  if (expertsPerToken === undefined) {
    throw new PlimsollError({
      code: 'gguf-missing-key',
      message: `GGUF: layer ${layer.index} has experts, but no metadata states how many experts a token uses`,
      value: 'expert_used_count',
      hint: 'convert the model again',
    });
  }
  const stack = layer.shape('ffn_down_exps');
  const single = layer.shape('ffn_down.0');
  return {
    kind: 'moe',
    experts: stack?.[0] ?? singleExpertCount(layer),
    expertsPerToken,
    expertIntermediateSize: stack?.at(-1) ?? single?.at(-1) ?? 0,
    // In a layer with experts, a shared expert and a dense feed-forward both run for every token.
    sharedIntermediateSize:
      (layer.shape('ffn_down_shexp')?.at(-1) ?? 0) + (layer.shape('ffn_down')?.at(-1) ?? 0),
    gated: layer.hasAny(['ffn_gate_exps', 'ffn_gate_up_exps', 'ffn_gate.0']),
  };
}

/** Counts `ffn_down.0`, `ffn_down.1` and so on. */
function singleExpertCount(layer: LayerView): number {
  let count = 0;
  while (layer.has(`ffn_down.${count}`)) count++;
  return count;
}
