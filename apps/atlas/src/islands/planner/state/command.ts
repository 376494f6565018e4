/** The same plan on the command line: every field that is not its default, under the flag of the same name. */
import { formatTokens } from '@plimsoll/foundation';
import type { EngineName } from '@plimsoll/planner';
import { engineFace } from '@plimsoll/planner/engines';
import { type PlannerState, releaseOf } from './state.ts';

export function commandOf(state: PlannerState, engine: EngineName): readonly string[] {
  const { model, gpu, context, users, tp, pp, dp, weights, kv } = state;
  const release = releaseOf(state, engine);
  const engineName = release === undefined ? engine : `${engine}@${release}`;
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
  for (const { name } of engineFace(engine).options) add(name, state.options[name] ?? null);
  return words;
}
