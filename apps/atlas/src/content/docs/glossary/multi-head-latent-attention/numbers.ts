/** What DeepSeek-V3 caches, and what it would without latents. */
import { assert, formatCount } from '@plimsoll/foundation';
import { textParameterCount } from '@plimsoll/model-files/spec';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerToken, ratio, specOf } from '../../../../numbers/reference-case.ts';

const model = 'deepseek-ai/DeepSeek-V3';
const bytesPerNumber = 2;

export default function numbers(): Record<string, ComputedNumber> {
  const spec = specOf(model);
  const attention = spec.layers[0]?.attention;
  assert(attention?.kind === 'mla', `${model} caches latents`);
  const { queryHeads, kvLoraRank, ropeHeadDim, nopeHeadDim, valueHeadDim } = attention;
  const layers = spec.layers.length;
  const headNumbers = queryHeads * (nopeHeadDim + ropeHeadDim + valueHeadDim);
  const headBytes = layers * headNumbers * bytesPerNumber;
  const latentBytes = layers * (kvLoraRank + ropeHeadDim) * bytesPerNumber;
  const fromConfig = (value: number, field: string): ComputedNumber => ({
    text: formatCount(value),
    derivation: `${field} in the registry record of ${model}`,
  });
  return {
    'mla-heads': fromConfig(queryHeads, 'num_attention_heads'),
    'mla-layers': fromConfig(layers, 'num_hidden_layers'),
    'mla-numbers': fromConfig(kvLoraRank + ropeHeadDim, 'kv_lora_rank + qk_rope_head_dim'),
    'mla-rank': fromConfig(kvLoraRank, 'kv_lora_rank'),
    'mla-rope': fromConfig(ropeHeadDim, 'qk_rope_head_dim'),
    'mla-bytes': cacheBytesPerToken({ model }),
    'mha-bytes': {
      text: `${formatCount(headBytes)} bytes`,
      derivation: `${layers} layers x ${queryHeads} heads x (${nopeHeadDim} + ${ropeHeadDim} key + ${valueHeadDim} value numbers) x ${bytesPerNumber} bytes`,
    },
    'mla-ratio': ratio(headBytes, latentBytes, {
      meaning: 'bytes with a key and value per head / bytes of the latent',
    }),
    'mla-parameters': {
      text: (textParameterCount(spec) / 1e9).toFixed(0),
      derivation: `${formatCount(textParameterCount(spec))} parameters, summed over the tensors of ${model}`,
    },
    'llama-bytes': cacheBytesPerToken(),
  };
}
