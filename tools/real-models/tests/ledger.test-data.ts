/**
 * Runs a published model in the least memory that is enough: the ledger equals the plan, and the process stays within
 * the limit.
 */
import { MiB } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { outputSchemas } from '../../../apps/plimsoll/src/json-schemas.ts';
import { plimsoll } from '../../../apps/plimsoll/src/program.test-data.ts';

const flags = ['--ctx', '512', '--threads', '2'];

function asJson(...args: readonly string[]): unknown {
  return JSON.parse(plimsoll([...args, '--json']).out);
}

export function holdLedger(pathOf: () => string): void {
  test('the ledger equals the plan, and the process stays within the least memory that is enough', () => {
    const run = [pathOf(), 'a ship '.repeat(150), '--raw', '-n', '8', '--temp', '0', ...flags];
    const refused = outputSchemas.error.parse(asJson('run', ...run, '--memory', '200MiB'));
    expect(refused.error.code).toBe('over-memory-budget');
    const memory = ['--memory', `${Math.ceil(Number(refused.error.value) / MiB)}MiB`];
    const answer = outputSchemas.run.parse(asJson('run', ...run, ...memory));
    const planned = outputSchemas.plan.parse(
      asJson('plan', pathOf(), '--engine', 'plimsoll', ...memory, ...flags),
    );
    const named = ({ entries }: typeof planned.ledger) =>
      entries.map(({ category, tag, tier, bytes }) => `${category}/${tag} (${tier}) ${bytes}`).sort();
    expect(named(answer.memory.ledger)).toEqual(named(planned.ledger));
    const { limitBytes, heldBytes, peakResidentBytes } = answer.memory;
    expect(heldBytes).toBeLessThanOrEqual(limitBytes);
    expect(peakResidentBytes).toBeLessThanOrEqual(limitBytes);
  });
}
