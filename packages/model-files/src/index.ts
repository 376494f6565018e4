export { type ModelSpecOptions, modelSpecFromConfig } from './config/model-spec-from-config.ts';
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
  type WeightScheme,
} from './model-spec.ts';
