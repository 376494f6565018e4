export {
  type AttentionSpec,
  type ElementType,
  elementCount,
  type HeadLayout,
  type LayerSpec,
  type MlpSpec,
  type ModelSpec,
  type QuantizationSpec,
  type TensorRole,
  type TensorSpec,
  textParameterCount,
  type VisionSpec,
} from './model-spec.ts';
