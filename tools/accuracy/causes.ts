/** The cause of an error: a person's finding in the record's own words, or else the facts that the record leaves open. */
import type { RecordAnswer } from '@plimsoll/planner/validation';
import causes from './causes.json' with { type: 'json' };
import type { Comparison } from './figures.ts';

const knownCauses: Readonly<Record<string, string>> = causes;

export function causeFinder(answers: readonly RecordAnswer[]): (found: Comparison) => string {
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  return ({ id }) => {
    const known = knownCauses[id];
    if (known !== undefined) return known;
    const assumed = byId.get(id)?.assumptions ?? [];
    return assumed.length === 0 ? 'Not explained.' : `Not looked into; ${assumed.join('; ')}.`;
  };
}
