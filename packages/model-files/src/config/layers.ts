/**
 * Builds layers from variants. A family states the variant of each layer and builds each variant once; equal variants
 * give the same frozen object, so that consumers count distinct layers instead of layers.
 */
import type { AttentionSpec, LayerSpec, MlpSpec, TensorSpec } from '../model-spec.ts';

export interface AttentionPart {
  readonly attention: AttentionSpec;
  readonly tensors: readonly TensorSpec[];
}

export interface MlpPart {
  readonly mlp: MlpSpec;
  readonly tensors: readonly TensorSpec[];
}

export const noAttention: AttentionPart = { attention: { kind: 'none' }, tensors: [] };
export const noMlp: MlpPart = { mlp: { kind: 'none' }, tensors: [] };

export function layerOf(attention: AttentionPart, mlp: MlpPart, rest: readonly TensorSpec[] = []): LayerSpec {
  return {
    attention: attention.attention,
    mlp: mlp.mlp,
    tensors: [...attention.tensors, ...mlp.tensors, ...rest],
  };
}

/** The differences between the layers of a family; two variants are equal if their JSON texts are equal. */
export type LayerVariant = Readonly<Record<string, string | number | boolean | null>>;

export function layersOf<Variant extends LayerVariant>(
  count: number,
  variantOf: (layer: number) => Variant,
  build: (variant: Variant) => LayerSpec,
): readonly LayerSpec[] {
  const built = new Map<string, LayerSpec>();
  return Array.from({ length: count }, (_, layer) => {
    const variant = variantOf(layer);
    const key = JSON.stringify(variant);
    let spec = built.get(key);
    if (spec === undefined) {
      spec = freezeLayer(build(variant));
      built.set(key, spec);
    }
    return spec;
  });
}

export function freezeLayer(layer: LayerSpec): LayerSpec {
  for (const item of layer.tensors) {
    Object.freeze(item.shape);
    Object.freeze(item);
  }
  Object.freeze(layer.tensors);
  Object.freeze(layer.attention);
  Object.freeze(layer.mlp);
  return Object.freeze(layer);
}
