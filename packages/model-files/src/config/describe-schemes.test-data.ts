/** Prints the quantisation of a model in a few lines: per kind of layer, the scheme of each role. */
import type { LayerSpec, ModelSpec, TensorSpec, WeightScheme } from '../model-spec.ts';

export function describeSchemes(spec: ModelSpec): string {
  if (spec.quantization === null) return 'none';
  const { method, weights, kvCache, inferred } = spec.quantization;
  const head = `${method}: ${weights}${kvCache === null ? '' : `, kv ${kvCache}`}${inferred ? ', inferred' : ''}`;
  const counts = new Map<LayerSpec, number>();
  for (const layer of spec.layers) counts.set(layer, (counts.get(layer) ?? 0) + 1);
  const lines = [...counts].map(([layer, count]) => `${count} x ${describeTensors(layer.tensors)}`);
  const predicted = [...new Set(spec.predictionLayers)].map(
    (layer) => `predicts ${describeTensors(layer.tensors)}`,
  );
  return [head, ...lines, ...predicted, `model ${describeTensors(spec.tensors)}`].join('\n');
}

function describeTensors(tensors: readonly TensorSpec[]): string {
  const groups = new Map<string, Set<string>>();
  for (const tensor of tensors) {
    if (tensor.shape.length < 2 || tensor.name.endsWith('bias')) continue;
    const scheme = describeScheme(tensor.scheme ?? null);
    groups.set(scheme, (groups.get(scheme) ?? new Set()).add(tensor.role));
  }
  return [...groups].map(([scheme, roles]) => `${scheme}: ${[...roles].join(' ')}`).join('; ');
}

function describeScheme(scheme: WeightScheme | null): string {
  if (scheme === null) return 'base';
  const { weights, groupSize, blockShape, perTensor, zeroPoints, scaleType, channelOrder } = scheme;
  const unit =
    blockShape?.join('x') ?? (groupSize === null ? (perTensor ? 'tensor' : 'channel') : `g${groupSize}`);
  return `${weights} ${unit} ${scaleType}${zeroPoints ? ' zeros' : ''}${channelOrder ? ' ordered' : ''}`;
}
