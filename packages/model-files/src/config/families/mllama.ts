/** Llama 3.2 Vision: Llama with additional cross-attention layers, whose keys and values come from the image. */
import { fullSpan } from '../attention.ts';
import type { ConfigReader } from '../config-reader.ts';
import { decoderAttention, type TextModel } from '../decoder.ts';
import { readDimensions, readIntermediateSize } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf } from '../layers.ts';
import { denseMlp } from '../mlp.ts';
import { norm, tensor } from '../tensors.ts';
import type { FamilyTable } from './family.ts';

/**
 * Extra rows of the embedding beyond the vocabulary, for image and similar special tokens; the head has no such rows.
 */
const extraRows = 8;

function readMllama(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize, vocabSize } = size;
  const crossing = new Set(config.integers('cross_attention_layers') ?? []);
  const mlp = denseMlp({ hiddenSize, intermediateSize: readIntermediateSize(config) });
  const norms = [...norm('input_layernorm', hiddenSize), ...norm('post_attention_layernorm', hiddenSize)];
  const text = readHybrid(config, {
    variantOf: (layer) => ({ crosses: crossing.has(layer) }),
    build: ({ crosses }) => {
      if (!crosses) return layerOf(decoderAttention(size, fullSpan), mlp, norms);
      const cross = decoderAttention(size, fullSpan, { qkNorm: 'head', names: { module: 'cross_attn' } });
      // The layer attends only to the image, so text tokens cache nothing.
      return layerOf({ ...cross, attention: { kind: 'none' } }, mlp, [
        ...norms,
        tensor('cross_attn_attn_gate', 'other', 1),
        tensor('cross_attn_mlp_gate', 'other', 1),
      ]);
    },
  });
  const tensors = text.tensors.map((item) =>
    item.role === 'token-embedding' ? { ...item, shape: [vocabSize + extraRows, hiddenSize] } : item,
  );
  return { ...text, tensors };
}

const mllama = { read: readMllama };

export const mllamaFamilies: FamilyTable = { mllama, mllama_text_model: mllama };
