/** Any JSON parses to a value or to a list of problems with their keys; parsing never throws. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { graphSchema, pageRecordSchema } from './pages/record-schema.ts';
import { sampleRecords } from './pages/sample-records.test-data.ts';
import { parseContent } from './schema-problems.ts';

const nested = z.strictObject({
  blocks: z.array(z.union([z.string(), z.array(z.string()), z.strictObject({ steps: z.array(z.string()) })])),
  kind: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('graph'), graph: z.string() }),
    z.strictObject({ type: z.literal('chart') }),
  ]),
  words: z.record(z.string(), z.strictObject({ label: z.string() })).optional(),
});

function problemsOf(schema: z.ZodType, data: unknown): readonly string[] {
  const { value, problems } = parseContent(schema, { file: 'a.json', text: JSON.stringify(data) });
  expect(value === undefined).toBe(problems.length > 0);
  return problems.map(({ key, problem }) => `${key}: ${problem}`);
}

test('the alternative that was meant is the one that is judged', () => {
  const kind = { type: 'chart' };
  expect(problemsOf(nested, { blocks: [{ steps: ['a', 1] }], kind })).toMatchInlineSnapshot(`
    [
      "blocks[0].steps[1]: 1: Invalid input: expected string, received number",
    ]
  `);
  expect(problemsOf(nested, { blocks: [{ step: ['a'] }], kind })).toMatchInlineSnapshot(`
    [
      "blocks[0].steps: is missing",
      "blocks[0].step: unknown key; nearest: "steps"",
    ]
  `);
  expect(problemsOf(nested, { blocks: [7], kind })).toMatchInlineSnapshot(`
    [
      "blocks[0]: 7: Invalid input",
    ]
  `);
  expect(problemsOf(nested, { blocks: [], kind: { type: 'grpah' } })).toMatchInlineSnapshot(`
    [
      "kind.type: "grpah" is not allowed; nearest: "graph"",
    ]
  `);
  expect(problemsOf(nested, { blocks: [], kind: { type: 'graph', grph: 'x' } })).toMatchInlineSnapshot(`
    [
      "kind.graph: is missing",
      "kind.grph: unknown key; nearest: "graph"",
    ]
  `);
  expect(problemsOf(nested, { blocks: [], kind, words: { a: { lable: 'A' } } })).toMatchInlineSnapshot(`
    [
      "words.a.label: is missing",
      "words.a.lable: unknown key; nearest: "label"",
    ]
  `);
});

test('an object whose keys are those of an object method is a value like another', () => {
  const hostile = { toString: {}, valueOf: {} };
  expect(problemsOf(nested, { blocks: [], kind: { type: hostile } })).toMatchInlineSnapshot(`
    [
      "kind.type.toString: unknown key",
      "kind.type.valueOf: unknown key",
    ]
  `);
  expect(problemsOf(z.strictObject({ kind: z.enum(['table']) }), { kind: hostile })).toMatchInlineSnapshot(`
    [
      "kind: {"toString":{},"valueOf":{}} is not allowed; nearest: "table"",
    ]
  `);
});

test('any JSON ends in a value or in problems', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (data) => {
      for (const schema of [nested, pageRecordSchema, graphSchema]) problemsOf(schema, data);
    }),
  );
});

test('a sound record with one field replaced ends in a value or in problems', () => {
  const record = sampleRecords()['systems/memory.json'] ?? {};
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(record), 'other', '__proto__'),
      fc.jsonValue(),
      (key, value) => {
        const changed = Object.fromEntries([
          ...Object.entries(record).filter(([name]) => name !== key),
          [key, value],
        ]);
        problemsOf(pageRecordSchema, changed);
      },
    ),
  );
});
