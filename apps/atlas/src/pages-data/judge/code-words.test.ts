/** The code of a page and its words, broken one name at a time. */
import { defined } from '@plimsoll/foundation';
import { formatContentProblem } from '@plimsoll/registry/pages';
import { expect, test } from 'vitest';
import type { Messages } from '../read/messages-schema.ts';
import type { PageCode } from '../read/page-code.ts';
import { readSample, sampleSite } from '../sample-site.test-data.ts';
import { codeWordProblems } from './code-words.ts';

const code: PageCode = {
  numbers: {},
  cells: new Map([
    [
      'sweep',
      {
        inputs: {
          users: { kind: 'number', min: 1, max: 8, default: 4 },
          device: { kind: 'choice', options: ['h100', 'l4'], default: 'h100' },
        },
        output: {
          columns: [{ name: 'bytes', unit: 'bytes' }],
          rows: [],
          chart: { x: 'users', y: ['bytes'], xScale: 'log', yScale: 'log', mark: { axis: 'y', value: 1 } },
        },
      },
    ],
  ]),
  exercises: { 'how-many': { kind: 'choice', value: 'four' } },
};

const sweep = {
  title: 'A sweep',
  inputs: { users: { label: 'Users' }, device: { label: 'Device', choices: { h100: 'H100' } } },
  labels: { bytes: 'Bytes', mark: 'Limit' },
};
const howMany = { question: ['How many?'], answer: ['Four.'], choices: { four: 'Four', five: 'Five' } };

function told(words: Pick<Messages, 'cells' | 'exercises'>): readonly string[] {
  const page = defined(readSample(sampleSite()).pages.get('tutorial.memory-wall'), 'the sample has it');
  const sound = { cells: { sweep }, exercises: { 'how-many': howMany } };
  const messages = { ...page.messages, ...sound, ...words };
  return codeWordProblems({ ...page, messages }, code).map(formatContentProblem);
}

test('names that agree', () => {
  expect(told({})).toEqual([]);
});

test('inputs and columns of a cell', () => {
  const { users, device } = sweep.inputs;
  expect(told({ cells: { sweep: { ...sweep, inputs: { user: users, device } } } })).toMatchInlineSnapshot(`
    [
      "docs/tutorials/memory-wall/messages/en.json: cells.sweep.inputs.users: is missing, and docs/tutorials/memory-wall/cells/sweep.ts has it; nearest: "user"",
      "docs/tutorials/memory-wall/messages/en.json: cells.sweep.inputs.user: is not in docs/tutorials/memory-wall/cells/sweep.ts; nearest: "users"",
    ]
  `);
  const choices = { h1000: 'H100' };
  expect(
    told({ cells: { sweep: { ...sweep, inputs: { users, device: { ...device, choices } } } } }),
  ).toMatchInlineSnapshot(`
    [
      "docs/tutorials/memory-wall/messages/en.json: cells.sweep.inputs.device.choices.h1000: is no option of this input; nearest: "h100"",
    ]
  `);
  expect(told({ cells: { sweep: { ...sweep, labels: { byte: 'Bytes' } } } })).toMatchInlineSnapshot(`
    [
      "docs/tutorials/memory-wall/messages/en.json: cells.sweep.labels.bytes: is missing; nearest: "byte"",
      "docs/tutorials/memory-wall/messages/en.json: cells.sweep.labels.mark: is missing; nearest: "byte"",
    ]
  `);
});

test('exercises', () => {
  expect(told({ exercises: { 'how-much': howMany } })).toMatchInlineSnapshot(`
    [
      "docs/tutorials/memory-wall/messages/en.json: exercises.how-many: is missing, and docs/tutorials/memory-wall/exercises.ts has it; nearest: "how-much"",
      "docs/tutorials/memory-wall/messages/en.json: exercises.how-much: is not in docs/tutorials/memory-wall/exercises.ts; nearest: "how-many"",
    ]
  `);
  const choices = { for: 'Four' };
  expect(told({ exercises: { 'how-many': { ...howMany, choices } } })).toMatchInlineSnapshot(`
    [
      "docs/tutorials/memory-wall/exercises.ts: how-many: "four" is none of its choices; nearest: "for"",
    ]
  `);
});
