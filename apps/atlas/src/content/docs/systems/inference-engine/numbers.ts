/** How vLLM divides the reference card. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { categoryBytes, poolBytes, referencePlan, usersThatFit } from '../../../../numbers/reference-case.ts';

const contextTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const vllm = { engine: 'vllm', contextTokens } as const;
  const plan = referencePlan(vllm);
  return {
    ...given({ context: contextTokens }),
    'vllm-version': { text: plan.engine.version ?? '', derivation: 'newest release that the planner knows' },
    'vllm-weights': categoryBytes(plan, 'weights'),
    'vllm-activations': categoryBytes(plan, 'activations'),
    'vllm-runtime': categoryBytes(plan, 'runtime'),
    'vllm-headroom': categoryBytes(plan, 'headroom'),
    'vllm-pool': poolBytes(vllm),
    'vllm-users': usersThatFit(vllm),
    'plain-users': usersThatFit({ contextTokens }),
  };
}
