import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readScenario } from './read-scenario.ts';
import { editScenario, scenarioFields, scenarioText } from './scenario-document.ts';

const folder = join(import.meta.dirname, '../../../../examples');
const examples = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));

const read = (text: string) => readScenario('a.yaml', { read: () => text, resolve: (path) => path });

const text = `# A chat service.
model: some-model
hardware: h100 # the fast device
workload:
  arrivals: { poisson: { rate: 12 } }
  prompt: { lognormal: { median: 900, sigma: 0.8 } }
  requests: 3000
slo: { ttft-p99: 500ms }
`;

test('an edit changes its field alone: comments, order and style stay', () => {
  const edited = editScenario(text, [
    { path: ['hardware'], value: 'h200' },
    { path: ['workload', 'arrivals'], value: { closed: { clients: 8 } } },
    { path: ['limits', 'maxSeqs'], value: 64 },
    { path: ['slo', 'ttft-p99'], value: null },
  ]);
  expect(edited).toMatchInlineSnapshot(`
    "# A chat service.
    model: some-model
    hardware: h200 # the fast device
    workload:
      arrivals: { closed: { clients: 8 } }
      prompt: { lognormal: { median: 900, sigma: 0.8 } }
      requests: 3000
    limits:
      maxSeqs: 64
    "
  `);
  expect(editScenario(text, [{ path: ['count'], value: null }])).toBe(text);
});

test.each(['- 1', '5', '', 'a: [', 'a: 1\na: 2', 'a: *b'])('no field of %j can change', (bad) => {
  expect(() => editScenario(bad, [{ path: ['a', 'b'], value: 1 }])).toThrow(
    expect.objectContaining({ code: 'bad-scenario' }),
  );
});

test('a field inside a number is refused', () => {
  expect(() => editScenario(text, [{ path: ['workload', 'requests', 'x'], value: 1 }])).toThrow(
    expect.objectContaining({ code: 'bad-scenario', value: 'workload.requests.x' }),
  );
});

test('the fields of an example, written and read again, are the same scenario', () => {
  for (const example of examples) {
    const fields = scenarioFields(example);
    if (fields === null) throw new Error('an example is no map');
    expect(read(scenarioText(fields))).toEqual(read(example));
  }
});

test('any text has fields or has none, and never throws', () => {
  const piece = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '{',
    '}',
    '[',
    ']',
    '&x',
    '*x',
    '-',
    '#',
    '"',
    '1',
    '!!map',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((parts) => parts.join('')),
      ),
      (any) => {
        const fields = scenarioFields(any);
        expect(fields === null || typeof fields === 'object').toBe(true);
      },
    ),
  );
});
