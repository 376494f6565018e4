/** The same plan on the command line: every field that is not its default, under the flag of the same name. */
import { formatTokens } from '@plimsoll/foundation';
import type { EngineName } from '@plimsoll/planner';
import type { PlannerState } from './state.ts';

export function commandOf(state: PlannerState, engine: EngineName): readonly string[] {
  const { model, gpu, context, users, tp, pp, dp, weights, kv, utilization, release } = state;
  const engineName = engine === 'vllm' && release !== null ? `vllm@${release}` : engine;
  const words = ['plimsoll', 'plan', model, '--gpu', gpu, '--engine', engineName];
  const add = (flag: string, value: string | number | null, usual: string | number | null = null): void => {
    if (value !== null && value !== usual) words.push(`--${flag}`, String(value));
  };
  add('context', formatTokens(context).replaceAll(',', ''));
  add('prompt', state.prompt);
  add('users', users);
  add('tp', tp, 1);
  add('pp', pp, 1);
  add('dp', dp, 1);
  if (state.ep === 'on') words.push('--ep');
  add('weights', weights);
  add('kv', kv);
  if (engine === 'llama.cpp') {
    add('ngl', state.ngl);
    add('fa', state.fa);
  }
  if (engine !== 'vllm') return words;
  add('utilization', utilization);
  add('max-num-seqs', state.maxNumSeqs);
  add('max-num-batched-tokens', state.maxNumBatchedTokens);
  return words;
}
