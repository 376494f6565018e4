/** Prints a spec in a few lines that a person can compare with a model card: layers by kind, with counts and widths. */
import type { AttentionSpec, LayerSpec, MlpSpec, ModelSpec } from '../model-spec.ts';

export function describeLayers(spec: ModelSpec): readonly string[] {
  const counts = new Map<LayerSpec, number>();
  for (const layer of spec.layers) counts.set(layer, (counts.get(layer) ?? 0) + 1);
  const lines = [...counts].map(([layer, count]) => `${count} x ${describeLayer(layer)}`);
  const predicted = [...new Set(spec.predictionLayers)].map((layer) => `predicts: ${describeLayer(layer)}`);
  return [
    ...lines,
    ...predicted,
    ...(spec.vision === null ? [] : [`vision: ${spec.vision.layers} x ${spec.vision.hiddenSize}`]),
  ];
}

function describeLayer(layer: LayerSpec): string {
  return `${describeAttention(layer.attention)} | ${describeMlp(layer.mlp)}`;
}

function describeAttention(attention: AttentionSpec): string {
  switch (attention.kind) {
    case 'full':
    case 'sliding':
    case 'chunked': {
      const { queryHeads, kvHeads, keyHeadDim, valueHeadDim, sharesKvWithLayer } = attention;
      const reach =
        attention.kind === 'full'
          ? ''
          : ` ${attention.kind === 'sliding' ? attention.window : attention.chunk}`;
      const dims = keyHeadDim === valueHeadDim ? `${keyHeadDim}` : `${keyHeadDim}+${valueHeadDim}`;
      const shares = sharesKvWithLayer === undefined ? '' : `, cache of layer ${sharesKvWithLayer}`;
      const indexer =
        attention.indexer === undefined
          ? ''
          : `, indexer ${attention.indexer.heads}x${attention.indexer.headDim}`;
      return `${attention.kind}${reach} ${queryHeads}/${kvHeads} heads of ${dims}${shares}${indexer}`;
    }
    case 'mla': {
      const { queryHeads, qLoraRank, kvLoraRank, ropeHeadDim, nopeHeadDim, valueHeadDim } = attention;
      const heads = `${queryHeads} heads of ${nopeHeadDim}+${ropeHeadDim}/${valueHeadDim}`;
      const indexer =
        attention.indexer === undefined
          ? ''
          : `, indexer ${attention.indexer.heads}x${attention.indexer.headDim}`;
      return `mla q ${qLoraRank ?? 'direct'} kv ${kvLoraRank}+${ropeHeadDim}, ${heads}${indexer}`;
    }
    case 'compressed': {
      const indexer =
        attention.indexer === undefined
          ? ''
          : `, indexer ${attention.indexer.heads}x${attention.indexer.headDim}`;
      return `compressed 1:${attention.ratio} window ${attention.window}, ${attention.queryHeads} heads of ${attention.latentDim}${indexer}`;
    }
    case 'linear': {
      const { variant, keyHeads, valueHeads, keyHeadDim, valueHeadDim, convTaps } = attention;
      return `${variant} ${keyHeads}x${keyHeadDim} -> ${valueHeads}x${valueHeadDim}, conv ${convTaps}`;
    }
    case 'ssm': {
      const { variant, heads, headDim, stateSize, groups, convTaps } = attention;
      return `${variant} ${heads}x${headDim} state ${stateSize} groups ${groups}, conv ${convTaps}`;
    }
    case 'none':
      return 'no attention';
  }
}

function describeMlp(mlp: MlpSpec): string {
  if (mlp.kind === 'none') return 'no mlp';
  const plain = mlp.gated ? '' : ' plain';
  if (mlp.kind === 'dense') return `dense ${mlp.intermediateSize}${plain}`;
  const shared = mlp.sharedIntermediateSize === 0 ? '' : ` + ${mlp.sharedIntermediateSize}`;
  return `${mlp.expertsPerToken} of ${mlp.experts} experts of ${mlp.expertIntermediateSize}${shared}${plain}`;
}
