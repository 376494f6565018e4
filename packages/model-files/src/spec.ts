/** The light entry: the description of a model, without the readers. Planners and pages import this entry. */
export { activeParameterCount } from './active-parameters.ts';
export {
  type GgmlType,
  ggmlTensorBytes,
  ggmlTypeNamed,
  ggmlTypes,
  isBlockType,
} from './gguf/ggml-types.ts';
export {
  type AttentionSpec,
  type ElementType,
  elementCount,
  type HeadLayout,
  isUnreadBySharing,
  type LayerSpec,
  type MlpSpec,
  type ModelSpec,
  type RotarySpec,
  type TensorRole,
  type TensorSpec,
  textParameterCount,
  type WeightScheme,
} from './model-spec.ts';
