/** The same plan on the command line: every field that is not its default, under the flag of the same name. */
import { formatTokens } from '@plimsoll/foundation';
import type { EngineName } from '@plimsoll/planner';
import type { PlannerState } from './state.ts';

export function commandOf(state: PlannerState, engine: EngineName): readonly string[] {
  const { model, gpu, context, users, tp, pp, weights, kv, utilization } = state;
  const words = ['plimsoll', 'plan', model, '--gpu', gpu, '--engine', engine];
  const add = (flag: string, value: string | number | null, usual: string | number | null = null): void => {
    if (value !== null && value !== usual) words.push(`--${flag}`, String(value));
  };
  add('context', formatTokens(context).replaceAll(',', ''));
  add('users', users);
  add('tp', tp, 1);
  add('pp', pp, 1);
  add('weights', weights);
  add('kv', kv);
  if (engine !== 'vllm') return words;
  add('utilization', utilization);
  add('max-num-seqs', state.maxNumSeqs);
  add('max-num-batched-tokens', state.maxNumBatchedTokens);
  return words;
}
