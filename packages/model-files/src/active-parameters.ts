/**
 * Counts the parameters that one token uses: of the routed experts only the chosen ones, and no per-layer embedding
 * table.
 */
import { elementCount, type LayerSpec, type ModelSpec } from './model-spec.ts';

/**
 * Tables with one row per token id and layer (Gemma 3n, Gemma 4). A token reads one row, and engines place them outside
 * the weights.
 */
const layerEmbedding = /per_layer_token_embd|embed_tokens_per_layer/;

/**
 * Counts the active parameters of the language model. Embedding and head count in full, as in published figures
 * ("30B-A3B"); prediction layers and vision do not count.
 */
export function activeParameterCount(spec: ModelSpec): number {
  let count = 0;
  for (const tensor of spec.tensors) if (!layerEmbedding.test(tensor.name)) count += elementCount(tensor);
  const perLayer = new Map<LayerSpec, number>();
  for (const layer of spec.layers) {
    let active = perLayer.get(layer);
    if (active === undefined) {
      active = activeOfLayer(layer);
      perLayer.set(layer, active);
    }
    count += active;
  }
  return count;
}

function activeOfLayer({ mlp, tensors }: LayerSpec): number {
  let count = 0;
  for (const tensor of tensors) {
    const isRouted = mlp.kind === 'moe' && tensor.role.startsWith('expert-');
    // A stack has one slice per expert, so the quotient is an integer.
    const share = isRouted ? mlp.expertsPerToken / mlp.experts : 1;
    count += Math.round(elementCount(tensor) * share);
  }
  return count;
}
