/** Gemma 1 to 3: tied embeddings and wide heads; from Gemma 2 on, four norms per layer and alternating windows. */
import { readDecoder } from '../decoder.ts';
import { alternatingSpans } from '../spans.ts';
import type { Family, FamilyTable } from './family.ts';
import { decoderFamily, fourNorms, statedBiases } from './llama-like.ts';

const gemma = decoderFamily((config) => ({ ...statedBiases(config), tied: true }));

const gemma2 = decoderFamily((config) => ({
  ...statedBiases(config),
  tied: true,
  norms: fourNorms,
  span: alternatingSpans(config, { period: 2, window: 4096 }),
}));

const gemma3: Family = {
  read: (config) => {
    const stated = statedBiases(config);
    return readDecoder(config, {
      ...stated,
      attention: { ...stated.attention, qkNorm: 'head' },
      tied: true,
      norms: fourNorms,
      span: alternatingSpans(config, { period: 6, window: 4096 }),
    });
  },
  nestedDefaults: {
    vocab_size: 262208,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131072,
  },
};

export const gemmaFamilies: FamilyTable = { gemma, gemma2, gemma3_text: gemma3, gemma3 };
