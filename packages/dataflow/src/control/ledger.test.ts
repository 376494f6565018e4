/** One suite for every ledger, and a comparison of the two over random histories. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { exampleRef } from '../store/samples.test-data.ts';
import type { Ledger, PlannedRef } from './ledger.ts';
import { MemoryLedger } from './memory-ledger.ts';
import { SqliteLedger } from './sqlite-ledger.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) cleanUp();
});

function ledgerPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-ledger-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  return join(folder, 'ledger.sqlite');
}

function open(path: string): SqliteLedger {
  const ledger = new SqliteLedger(path);
  cleanUps.push(() => ledger.close());
  return ledger;
}

const planned = (planIndex: number): PlannedRef => ({ planIndex, ref: exampleRef(planIndex) });
const id = (planIndex: number): string => exampleRef(planIndex).sampleId;

function states(ledger: Ledger): Readonly<Record<string, string>> {
  const entries = ledger
    .read()
    .samples.map(({ ref, state, step }) => [ref.taskId, `${state} ${step ?? '-'}`]);
  return Object.fromEntries(entries);
}

function codeOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'none';
}

describe.each([
  ['memory', () => new MemoryLedger()],
  ['sqlite', () => open(ledgerPath())],
] as const)('%s', (_name, makeLedger) => {
  test('a sample moves one way, and keeps its ref', () => {
    const ledger = makeLedger();
    ledger.commit([planned(1), planned(0), planned(2), planned(3)]);
    expect(ledger.read().samples.map(({ ref }) => ref)).toEqual(
      [0, 1, 2, 3].map((index) => exampleRef(index)),
    );
    ledger.train([id(0), id(1)], 1);
    ledger.drop([id(3)]);
    ledger.free([id(0), id(3)]);
    ledger.requeue([id(1)]);
    ledger.discard([id(2)]);
    expect(states(ledger)).toEqual({ 'task-0': 'freed 1', 'task-1': 'committed -', 'task-3': 'freed -' });
  });

  test('a refused change changes nothing', () => {
    const ledger = makeLedger();
    ledger.commit([planned(0), planned(1)]);
    ledger.train([id(1)], 1);
    const before = states(ledger);
    const codes = [
      codeOf(() => ledger.commit([planned(2), planned(1)])),
      codeOf(() => ledger.commit([planned(2), planned(2)])),
      codeOf(() => ledger.train([id(0), id(1)], 2)),
      codeOf(() => ledger.train([id(0), id(0)], 2)),
      codeOf(() => ledger.train([id(0), 'run:unknown'], 2)),
      codeOf(() => ledger.drop([id(0), id(1)])),
      codeOf(() => ledger.discard([id(0), id(1)])),
      codeOf(() => ledger.free([id(1), id(0)])),
      codeOf(() => ledger.requeue([id(1), id(0)])),
    ];
    expect(codes).toEqual(['sample-known', 'sample-known', ...codes.slice(2).map(() => 'sample-state')]);
    expect(states(ledger)).toEqual(before);
  });

  test('failures are kept', () => {
    const ledger = makeLedger();
    const failure = { taskId: 'task-4', planIndex: 4, attempts: 3, reason: 'the server answered 500' };
    ledger.fail(failure);
    expect(ledger.read()).toEqual({ samples: [], failures: [failure] });
  });
});

test('both ledgers agree over random histories, and the file survives a process that never closes it', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 });
  const change = fc.tuple(fc.constantFrom('commit', 'train', 'drop', 'free', 'requeue', 'discard'), ids);
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const path = ledgerPath();
      const memory = new MemoryLedger();
      const file = open(path);
      for (const [step, [name, indices]] of changes.entries()) {
        const apply = (ledger: Ledger): void => {
          const names = indices.map(id);
          if (name === 'commit') ledger.commit(indices.map(planned));
          else if (name === 'train') ledger.train(names, step);
          else if (name === 'drop') ledger.drop(names);
          else if (name === 'free') ledger.free(names);
          else if (name === 'requeue') ledger.requeue(names);
          else ledger.discard(names);
        };
        expect(codeOf(() => apply(file))).toBe(codeOf(() => apply(memory)));
      }
      expect(open(path).read()).toEqual(memory.read());
    }),
    { numRuns: 20 },
  );
});

test('a file that is no ledger is refused by name', () => {
  const path = ledgerPath();
  writeFileSync(path, 'not a database, but long enough to be read as one'.repeat(100));
  expect(codeOf(() => open(path))).toBe('ledger-unreadable');
  expect(codeOf(() => open(join(path, 'no-folder', 'ledger')))).toBe('ledger-unreadable');
});
