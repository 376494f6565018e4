import { scenarioFields } from '@plimsoll/simulator/scenario-text';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildWorkbench } from '../../../workbench/build-workbench.ts';
import { draftOf, editedDraft, scenarioOf } from './drafts.ts';
import { exampleNames, exampleText, firstExample } from './examples.ts';
import { readScenarios, writeScenarios } from './scenario-address.ts';
import { fieldAt, fieldDifferences, flatFields } from './scenario-paths.ts';

const fieldsOf = (text: string) => {
  const fields = scenarioFields(text);
  if (fields === null) throw new Error('the text is no map');
  return fields;
};

const addressed = (text: string) => ({ fields: fieldsOf(text), example: null });

test('an address keeps every example, as its name and as its fields', () => {
  for (const name of exampleNames) {
    const text = exampleText(name);
    expect(readScenarios(writeScenarios([{ fields: {}, example: name }]) ?? '')).toEqual([text]);
    const query = writeScenarios([addressed(text), addressed(text)]) ?? '';
    const read = readScenarios(query);
    expect(read.map(scenarioOf)).toEqual([scenarioOf(text), scenarioOf(text)]);
  }
});

test('an address is readable', () => {
  const text =
    'model: openai/gpt-oss-20b\nworkload: { arrivals: { poisson: { rate: 2.5 } }, seed: 7 }\nslo: { ttft-p99: 1s }';
  expect(writeScenarios([addressed(text)])).toBe(
    'model=openai/gpt-oss-20b&workload.arrivals.poisson.rate=2.5&workload.seed=7&slo.ttft-p99=1s',
  );
});

test('any address gives texts that a draft judges', () => {
  const key = fc.constantFrom(
    'model',
    'workload',
    'seed',
    'slo',
    '__proto__',
    'constructor',
    'b',
    '0',
    '1',
    '',
  );
  const name = fc.array(key, { minLength: 1, maxLength: 12 }).map((keys) => keys.join('.'));
  const value = fc.oneof(fc.string(), fc.constantFrom('1', '-1', 'true', '1e9', 'null', '<b>', '{', '*a'));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (pairs) => {
      const texts = readScenarios(new URLSearchParams(pairs).toString());
      for (const text of texts) {
        const { problem, fields } = draftOf(text, buildWorkbench);
        expect(problem?.code).toMatch(/^(bad-scenario|no-files-in-page|unknown-model)$/);
        expect(fields).not.toBeNull();
      }
      expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    }),
  );
});

test('an address that is too long is refused, and none is written', () => {
  expect(() => readScenarios(`model=${'x'.repeat(9000)}`)).toThrow(
    expect.objectContaining({ code: 'bad-address', limit: 8000 }),
  );
  const lengths = Array.from({ length: 2000 }, (_, index) => index + 1);
  expect(writeScenarios([{ fields: { workload: { prompt: { empirical: lengths } } }, example: null }])).toBe(
    null,
  );
  expect(() => readScenarios('example=nothing')).toThrow(
    expect.objectContaining({ code: 'unknown-example' }),
  );
});

/** The message of the first problem of a text. */
const problemOf = (text: string): string | undefined => draftOf(text, buildWorkbench).problem?.message;
const chat = exampleText(firstExample);

test('a draft names what is wrong, with its line', () => {
  expect(exampleNames.map((name) => problemOf(exampleText(name)))).toEqual(exampleNames.map(() => undefined));
  expect(problemOf(chat.replace('seed:', 'sed:'))).toMatchInlineSnapshot(
    `"scenario.yaml:13: there is no field workload.sed"`,
  );
  const { problem } = draftOf(chat.replace('hardware: h100', 'hardware: h1000'), buildWorkbench);
  expect([problem?.code, problem?.hint]).toMatchInlineSnapshot(`
    [
      "unknown-hardware",
      "did you mean h100-sxm-80gb, a100-sxm-80gb, gtx-1060-6gb, h200-sxm-141gb, jetson-agx-thor-128gb?",
    ]
  `);
  expect(problemOf(`${chat}\nextends: other.yaml`)).toMatchInlineSnapshot(
    `"scenario.yaml: extends names the file other.yaml, and a page reads no files"`,
  );
  const traced = 'model: gpt-oss-20b\nhardware: h100\nworkload: { arrivals: { trace: { file: a.csv } } }';
  expect(problemOf(traced)).toMatchInlineSnapshot(
    `"scenario.yaml: workload.arrivals.trace names the file a.csv, and a page reads no files"`,
  );
  expect(problemOf(chat.replace('engine: vllm', 'options: { ngl: 3 }'))).toMatchInlineSnapshot(
    `"options.ngl is no option of vllm that a page can read"`,
  );
  expect(problemOf(chat.replace('context: 16k', 'context: 999k'))).toMatchInlineSnapshot(
    `"meta-llama/Llama-3.1-8B-Instruct accepts 131072 tokens of context, not 1022976"`,
  );
});

test('an edit gives the draft of the changed text, and the differences name its fields', () => {
  const path = ['workload', 'arrivals', 'poisson', 'rate'];
  const { text, fields, example } = editedDraft(chat, [{ path, value: 20 }], buildWorkbench);
  expect(text).toBe(chat.replace('rate: 12', 'rate: 20'));
  expect(example).toBe(null);
  expect(fieldAt(fields ?? {}, path.join('.'))).toBe(20);
  expect(fieldAt(fields ?? {}, 'workload.constructor')).toBe(undefined);
  expect(fieldDifferences(fieldsOf(chat), fields ?? {})).toEqual([
    { path: 'workload.arrivals.poisson.rate', first: '12', second: '20' },
  ]);
  expect(flatFields(fieldsOf(chat)).get('assert.0.metric')).toBe('requests.completed');
});
