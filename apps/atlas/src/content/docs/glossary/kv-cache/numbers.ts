/** What one token costs in four models that remember differently. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerToken, cacheBytesPerUser, usersThatFit } from '../../../../numbers/reference-case.ts';

/** Tokens of the example, and of the conversation that is compared: no more than each of the models accepts. */
const contextTokens = 8192;
const tableTokens = 4096;

export default function numbers(): Record<string, ComputedNumber> {
  const models = {
    llama2: 'meta-llama/Llama-2-7b-hf',
    gemma3: 'google/gemma-3-12b-it',
    deepseek: 'deepseek-ai/DeepSeek-V3',
  };
  const others = Object.entries(models).flatMap(([name, model]) => [
    [`kv-${name}`, cacheBytesPerToken({ model, contextTokens: tableTokens })] as const,
    [`kv-${name}-at`, cacheBytesPerUser({ model, contextTokens: tableTokens })] as const,
  ]);
  return {
    ...given({ context: contextTokens, 'table-context': tableTokens }),
    'kv-per-token': cacheBytesPerToken(),
    'kv-8k': cacheBytesPerUser({ contextTokens }),
    'kv-llama3-at': cacheBytesPerUser({ contextTokens: tableTokens }),
    'users-8k': usersThatFit({ contextTokens }),
    ...Object.fromEntries(others),
  };
}
