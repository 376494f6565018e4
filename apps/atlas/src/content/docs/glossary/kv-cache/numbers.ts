/** What one token costs in four models that remember differently. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerToken, cacheBytesPerUser, usersThatFit } from '../../../../numbers/reference-case.ts';

/** Tokens of the conversation that is compared. */
const contextTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const models = {
    llama2: 'meta-llama/Llama-2-7b-hf',
    gemma3: 'google/gemma-3-12b-it',
    deepseek: 'deepseek-ai/DeepSeek-V3',
  };
  const others = Object.entries(models).flatMap(([name, model]) => [
    [`kv-${name}`, cacheBytesPerToken({ model, contextTokens })] as const,
    [`kv-${name}-8k`, cacheBytesPerUser({ model, contextTokens })] as const,
  ]);
  return {
    ...given({ context: contextTokens }),
    'kv-per-token': cacheBytesPerToken(),
    'kv-8k': cacheBytesPerUser({ contextTokens }),
    'users-8k': usersThatFit({ contextTokens }),
    ...Object.fromEntries(others),
  };
}
