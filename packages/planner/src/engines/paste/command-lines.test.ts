/**
 * Commands as people paste them: from public issues, with names, paths, addresses and keys replaced. Each is accepted as a
 * whole. A flag may move from those that are left out to those that are honoured, and may not get lost.
 */
import { engineFlags } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import vllmLines from './command-lines.test-data.json' with { type: 'json' };
import otherLines from './other-command-lines.test-data.json' with { type: 'json' };
import { pastedEngines } from './pasted-engines.ts';
import { readCommand } from './read-command.ts';

const lines = [...vllmLines, ...otherLines];
const engines = pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));

test('at least 90 commands of all foreign engines', () => {
  expect(lines.length).toBeGreaterThanOrEqual(90);
  expect(new Set(lines.map(({ reading }) => reading.engine)).size).toBe(5);
});

test.each(lines)('$source: $reading.model', ({ command, reading: expected }) => {
  const { engine, release, model, flags, leftOut, unknown, others } = readCommand(command, engines);
  expect({ engine, release, model }).toEqual({
    engine: expected.engine,
    release: expected.release,
    model: expected.model,
  });
  expect(Object.fromEntries(flags)).toMatchObject(expected.flags);
  const expectedIdle: readonly string[] = expected.leftOut;
  expect(leftOut.filter((flag) => !expectedIdle.includes(flag))).toEqual([]);
  expect(flags.size + leftOut.length).toBeGreaterThanOrEqual(
    Object.keys(expected.flags).length + expectedIdle.length,
  );
  expect([unknown, others]).toEqual([[], []]);
});
