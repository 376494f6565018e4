/** How vLLM divides the reference card, and what its log says of it. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { categoryBytes, poolBytes, referencePlan, usersThatFit } from '../../../../numbers/reference-case.ts';

const contextTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const vllm = { engine: 'vllm', contextTokens } as const;
  const plan = referencePlan(vllm);
  const { printed } = plan.capacity;
  const tables = plan.ledger.entries.find(({ tag }) => tag === 'position tables');
  assert(printed !== null && tables !== undefined, 'vLLM prints its capacity and keeps position tables');
  return {
    ...given({ context: contextTokens }),
    'vllm-version': { text: plan.engine.version ?? '', derivation: 'newest release that the planner knows' },
    'vllm-weights': categoryBytes(plan, 'weights'),
    'vllm-activations': categoryBytes(plan, 'activations'),
    'vllm-runtime': categoryBytes(plan, 'runtime'),
    'vllm-headroom': categoryBytes(plan, 'headroom'),
    'vllm-pool': poolBytes(vllm),
    'vllm-users': usersThatFit(vllm),
    'vllm-tables': {
      text: formatBytes(tables.bytes),
      derivation: `${tables.derivation.formula} = ${tables.derivation.substituted}`,
    },
    'log-tokens': {
      text: formatCount(printed.kvTokens),
      derivation: `floor(${poolBytes(vllm).text} / bytes of a block) blocks x ${printed.blockTokens} tokens = ${formatCount(printed.blocks)} x ${printed.blockTokens}`,
    },
    'log-concurrency': {
      text: printed.concurrency.toFixed(2),
      derivation: `${formatCount(printed.kvTokens)} tokens / ${formatCount(contextTokens)} per request`,
    },
    'plain-users': usersThatFit({ contextTokens }),
  };
}
