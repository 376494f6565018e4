/** Rules that hold for every solver, and random questions to all of them. */
import { PlimsollError } from '@plimsoll/foundation';
import { listHardware, resolveHardware } from '@plimsoll/registry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineName } from '../engines/engine-list.ts';
import { model, request, variedModels } from '../test-models.ts';
import type { OutputSpec, Solver } from './solver.ts';
import type { InputSpec } from './solver-inputs.ts';
import { solvers } from './solvers.ts';
import type { Subject } from './subject.ts';

test('names are unique, in kebab case, and lines end without a full stop', () => {
  const names = solvers.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, summary } of solvers) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(summary).not.toMatch(/\.$/);
  }
});

test.each(solvers)('$name: defaults are in range, and every part of the contract has words', (solver) => {
  for (const spec of Object.values(solver.inputs)) {
    if (spec.kind === 'choice') expect(spec.options).toContain(spec.default);
    if (spec.kind === 'number' && typeof spec.default === 'number') {
      expect(spec.default).toBeGreaterThanOrEqual(spec.least);
      expect(spec.default).toBeLessThanOrEqual(spec.most);
    }
  }
  for (const lines of [solver.formula, solver.limits, solver.sources])
    expect(lines.length).toBeGreaterThan(0);
  expect(Object.keys(solver.outputs).length).toBeGreaterThan(0);
});

/** Values of the whole range of an input; most are between a thousandth and a thousand, as users ask. */
function valuesOf(spec: InputSpec): fc.Arbitrary<unknown> {
  if (spec.kind === 'choice') return fc.constantFrom(...spec.options);
  const { least, most, unit } = spec;
  const isWhole = unit === 'count' || unit === 'tokens';
  const between = (low: number, high: number): fc.Arbitrary<number> =>
    fc.double({ min: 0, max: 1, noNaN: true }).map((share) => {
      const value = low < 0 ? low + share * (high - low) : logarithmic(Math.max(low, 1e-6), high, share);
      return Math.min(most, Math.max(least, isWhole ? Math.round(value) : value));
    });
  const usual = least < 0 ? between(least, most) : between(Math.max(least, 1e-3), Math.min(most, 1e3));
  const value = fc.oneof(
    { weight: 6, arbitrary: usual },
    { weight: 1, arbitrary: between(least, most) },
    { weight: 1, arbitrary: fc.constant(least) },
  );
  if (spec.kind === 'numbers') return fc.array(value, { minLength: 1, maxLength: 4 });
  if (spec.default === 'required') return value;
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

function logarithmic(least: number, most: number, share: number): number {
  return least * (most / least) ** share;
}

function inputsOf({ inputs }: Solver): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(Object.entries(inputs).map(([name, spec]) => [name, valuesOf(spec)])));
}

const engines: readonly EngineName[] = ['none', 'vllm', 'sglang', 'tensorrt-llm', 'llama.cpp', 'plimsoll'];
interface Question {
  readonly name: (typeof variedModels)[number];
  readonly gpu: string;
  readonly engine: EngineName;
  readonly tensor: number;
  readonly data: number;
}

/** A failure prints these names instead of whole records. */
const questions: fc.Arbitrary<Question> = fc.record({
  name: fc.constantFrom(...variedModels),
  gpu: fc.constantFrom('h100', 'mi300x', 'rtx-4090', 'b200', 'm3-max-64gb'),
  engine: fc.constantFrom(...engines),
  tensor: fc.constantFrom(1, 1, 2, 4, 8),
  data: fc.constantFrom(1, 1, 1, 2),
});

const devices = listHardware()
  .slice(0, 12)
  .map(({ id }) => resolveHardware(id));

function subjectOf({ name, gpu, engine, tensor, data }: Question): Subject {
  const parallelism = { tensor, pipeline: 1, data, expertParallel: false };
  return {
    replica: request({ model: name, gpu, engine, parallelism }),
    draft: model('meta-llama/Llama-3.2-1B-Instruct'),
    devices,
  };
}

/** Figures that compare two amounts may be negative. */
const mayBeNegative: ReadonlySet<string> = new Set([
  ...['savingPerHourUsd', 'saving', 'tpotChange', 'ttftChange', 'usersChange'],
]);

function expectValue(solver: string, name: string, { unit }: OutputSpec, value: unknown): void {
  const label = `${solver} ${name} ${String(value)}`;
  if (value === null) {
    expect(unit, label).not.toBe('boolean');
    return;
  }
  const type = unit === 'boolean' ? 'boolean' : unit === 'text' ? 'string' : 'number';
  expect(typeof value, label).toBe(type);
  if (type !== 'number') return;
  expect(Number.isFinite(value), label).toBe(true);
  if (!mayBeNegative.has(name)) expect(Number(value), label).toBeGreaterThanOrEqual(-1e-12);
}

describe('a random question gets an answer in its units or a typed error', () => {
  test.each(solvers)('$name', (solver) => {
    let answers = 0;
    const property = fc.property(inputsOf(solver), questions, (given, question) => {
      const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      try {
        const { outputs, rows } = solver.run(known, subjectOf(question));
        answers++;
        expect(Object.keys(outputs).toSorted()).toEqual(Object.keys(solver.outputs).toSorted());
        for (const [name, spec] of Object.entries(solver.outputs))
          expectValue(solver.name, name, spec, outputs[name]);
        const columns = solver.columns ?? {};
        for (const row of rows ?? []) {
          expect(Object.keys(row).toSorted()).toEqual(Object.keys(columns).toSorted());
          for (const [name, spec] of Object.entries(columns)) expectValue(solver.name, name, spec, row[name]);
        }
      } catch (error) {
        if (!(error instanceof PlimsollError)) throw error;
        expect(error.message.length).toBeGreaterThan(10);
        expect(error.hint ?? error.limit, `${error.code}: ${error.message}`).toBeDefined();
      }
    });
    fc.assert(property, { numRuns: 40 });
    // Some solvers answer few random questions; a seed without an answer gets more questions.
    if (answers === 0) fc.assert(property, { numRuns: 400 });
    expect(answers).toBeGreaterThan(0);
  });
});
