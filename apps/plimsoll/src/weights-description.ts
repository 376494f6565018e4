/** A model in llama-bench's first three columns: the family with the type of most weights, bytes, parameters. */
import { elementCount, type ModelSpec, type TensorSpec } from '@plimsoll/model-files/spec';

export interface WeightsDescription {
  readonly model: string;
  readonly sizeBytes: number;
  readonly parameters: number;
}

export function describeWeights(spec: ModelSpec): WeightsDescription {
  const bytesOfType = new Map<string, number>();
  let parameters = 0;
  for (const tensor of tensorsOf(spec)) {
    parameters += elementCount(tensor);
    const { type, bytes } = tensor.stored ?? { type: spec.elementType, bytes: 0 };
    bytesOfType.set(type, (bytesOfType.get(type) ?? 0) + bytes);
  }
  const [largest] = [...bytesOfType].sort(([, left], [, right]) => right - left);
  return {
    model: `${spec.family} ${largest?.[0] ?? spec.elementType}`,
    sizeBytes: [...bytesOfType.values()].reduce((sum, bytes) => sum + bytes, 0),
    parameters,
  };
}

function* tensorsOf(spec: ModelSpec): Generator<TensorSpec> {
  yield* spec.tensors;
  for (const layer of spec.layers) yield* layer.tensors;
}
