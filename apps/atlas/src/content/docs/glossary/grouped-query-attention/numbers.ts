/** A model whose heads share nothing beside one whose heads share. */
import { assert } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerToken,
  referenceModel,
  specOf,
  usersThatFit,
} from '../../../../numbers/reference-case.ts';

const contextTokens = 4096;

export default function numbers(): Record<string, ComputedNumber> {
  return {
    ...given({ context: contextTokens }),
    ...columnOf('old', 'meta-llama/Llama-2-7b-hf'),
    ...columnOf('new', referenceModel),
  };
}

function columnOf(column: string, model: string): Record<string, ComputedNumber> {
  const { layers } = specOf(model);
  const attention = layers[0]?.attention;
  assert(attention?.kind === 'full', `${model} attends to everything in every layer`);
  const fromConfig = (value: number, field: string): ComputedNumber => ({
    text: String(value),
    derivation: `${field} in the registry record of ${model}`,
  });
  return {
    [`layers-${column}`]: fromConfig(layers.length, 'num_hidden_layers'),
    [`heads-${column}`]: fromConfig(attention.queryHeads, 'num_attention_heads'),
    [`kv-heads-${column}`]: fromConfig(attention.kvHeads, 'num_key_value_heads'),
    [`kv-${column}`]: cacheBytesPerToken({ model }),
    [`users-${column}`]: usersThatFit({ model, contextTokens }),
  };
}
