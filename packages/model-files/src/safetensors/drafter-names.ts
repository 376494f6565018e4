/**
 * The tensors of an EAGLE3 checkpoint under the names of other checkpoints. Trainers for SGLang write `midlayer.` for the
 * only layer, speculators write `layers.0.`; neither writes the prefix `model.`.
 */
import type { SafetensorsModel } from './sharded.ts';

/** Tensors outside layers that a spec names with the prefix. */
const prefixed: ReadonlySet<string> = new Set(['embed_tokens.weight', 'norm.weight']);

export function withDrafterNames(model: SafetensorsModel): SafetensorsModel {
  const tensors = model.tensors.map((tensor) => ({ ...tensor, name: plainName(tensor.name) }));
  return { ...model, tensors };
}

function plainName(name: string): string {
  if (name.startsWith('midlayer.')) return `model.layers.0.${name.slice('midlayer.'.length)}`;
  return name.startsWith('layers.') || prefixed.has(name) ? `model.${name}` : name;
}
