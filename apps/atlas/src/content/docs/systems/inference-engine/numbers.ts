/** How vLLM divides the reference card. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { categoryBytes, poolBytes, referencePlan, usersThatFit } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const vllm = { engine: 'vllm', contextTokens: 8192 } as const;
  const plan = referencePlan(vllm);
  return {
    'vllm-version': { text: plan.engine.version ?? '', derivation: 'newest release that the planner knows' },
    'vllm-weights': categoryBytes(plan, 'weights'),
    'vllm-activations': categoryBytes(plan, 'activations'),
    'vllm-runtime': categoryBytes(plan, 'runtime'),
    'vllm-headroom': categoryBytes(plan, 'headroom'),
    'vllm-pool': poolBytes(vllm),
    'vllm-users': usersThatFit(vllm),
    'plain-users': usersThatFit({ contextTokens: 8192 }),
  };
}
