/**
 * Evaluates the numbers of every derivation of `--explain` and compares the result with the bytes of the entry. Words
 * in a derivation carry no arithmetic, except x, ceil and the units of bytes.
 */
import { GiB, KiB, MiB } from '@plimsoll/foundation';
import { listModels } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LedgerEntry } from './bytes/ledger.ts';
import { weightTag } from './bytes/weights.ts';
import { engineNames, type PlanRequest } from './engines/engine-list.ts';
import { prepareIfPossible } from './engines/engines.ts';
import { plan } from './plan.ts';
import { request, variedModels } from './test-models.ts';

/** Entries whose bytes do not follow from the printed numbers, with the reason. */
const exempt: Readonly<Record<string, string>> = {
  'workspace/compute buffer': 'the result of an allocator on a graph of hundreds of tensors',
  'workspace/compute buffer, CPU': 'the same on the processor',
  'runtime/process': 'a measured allowance without parts',
};

const units: Readonly<Record<string, number>> = { KiB, MiB, GiB };

/** Evaluates numbers, x, /, +, -, brackets and ceil with the usual precedence; skips every other word as a remark. */
function evaluate(text: string): number {
  const sum = text.replace(/^[^():]*: /, '').replace(/, [a-z][^()]*$/, '');
  const tokens = sum.match(/[A-Za-z_]\w*|\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?|[-+/()]/g) ?? [];
  const known = tokens.filter((token) => !/^[A-Za-z_]/.test(token) || /^(x|ceil|[KMG]iB)$/.test(token));
  let at = 0;
  const next = (): string => known[at++] ?? 'the end';
  const factor = (): number => {
    const token = next();
    const isRounded = token === 'ceil';
    if (!isRounded && token !== '(') return withUnit(number(token));
    if (isRounded) expect(next(), text).toBe('(');
    const inner = terms();
    expect(next(), text).toBe(')');
    return isRounded ? Math.ceil(inner) : inner;
  };
  const number = (token: string): number => {
    expect(token, `a number in "${text}"`).toMatch(/^\d/);
    return Number(token.replaceAll(',', ''));
  };
  const withUnit = (value: number): number => {
    const unit = units[known[at] ?? ''];
    if (unit === undefined) return value;
    at++;
    return value * unit;
  };
  const product = (): number => {
    let value = factor();
    while (known[at] === 'x' || known[at] === '/')
      value = next() === 'x' ? value * factor() : value / factor();
    return value;
  };
  const terms = (): number => {
    let value = product();
    while (known[at] === '+' || known[at] === '-')
      value = next() === '+' ? value + product() : value - product();
    return value;
  };
  const value = terms();
  expect(known.slice(at), `left over in "${text}"`).toEqual([]);
  return value;
}

function expectDerived(entries: readonly LedgerEntry[], where: string): void {
  for (const { category, tag, bytes, derivation } of entries) {
    if (`${category}/${tag}` in exempt) continue;
    const text = `${where}: ${category}/${tag} = ${derivation.substituted}`;
    // Shares of a tensor and of a GiB are rounded to bytes once, at the end.
    expect(Math.abs(evaluate(derivation.substituted) - bytes), `${text}, not ${bytes}`).toBeLessThanOrEqual(
      1,
    );
  }
}

const names = listModels().map(({ id }) => id);

test('a derivation is evaluated with the usual precedence and units', () => {
  expect(evaluate('8,192 x (3 x 7168 + 3.75 x 8192) x 2 + 33554432')).toBe(889_192_448);
  expect(evaluate('tensor parallel 4, pipeline parallel 1: 2.15 GiB')).toBe(2.15 * GiB);
  expect(evaluate('100 elements of Q4_K x 4.5 bits / 8 + 6 B of rounding, on each of 4 devices')).toBe(62.25);
  expect(evaluate('85 - ceil(85 x 0.92)')).toBe(6);
  expect(() => evaluate('2 elements 3')).toThrow(/left over/);
  expect(() => evaluate('weights x 3')).toThrow();
});

test('the bytes of every ledger entry follow from the numbers of its derivation', () => {
  const questions = fc.record({
    name: fc.oneof(fc.constantFrom(...variedModels), fc.constantFrom(...names)),
    engine: fc.constantFrom(...engineNames),
    gpu: fc.constantFrom('h100', 'rtx-4090', 'mi300x', 't4', 'apple-m2-ultra-76-core'),
    weights: fc.constantFrom(
      undefined,
      'fp8',
      'bf16',
      'awq',
      'gptq',
      'bitsandbytes',
      'nvfp4',
      'Q4_K_M',
      'Q8_0',
    ),
    kvFormat: fc.constantFrom(undefined, 'fp8', 'q8_0', 'int4_per_token_head' as const),
    parallelism: fc.record({
      tensor: fc.constantFrom(1, 2, 4, 8),
      pipeline: fc.constantFrom(1, 1, 2),
      data: fc.constantFrom(1, 1, 2),
      expertParallel: fc.boolean(),
    }),
    workload: fc.record({
      contextTokens: fc.integer({ min: 1, max: 40_000 }),
      users: fc.integer({ min: 1, max: 64 }),
    }),
    engineVersion: fc.constantFrom(undefined, '0.6.0', '0.16.0'),
  });
  let planned = 0;
  fc.assert(
    fc.property(questions, ({ name, engineVersion, ...asked }) => {
      const version = asked.engine === 'vllm' ? engineVersion : undefined;
      const question: PlanRequest = request({ model: name, ...asked, engineVersion: version });
      if (prepareIfPossible(question) === null) return;
      planned++;
      const { tensor, pipeline, data } = asked.parallelism;
      expectDerived(
        plan(question).ledger.entries,
        `${name} ${asked.engine} ${asked.weights ?? ''} tp ${tensor} pp ${pipeline} dp ${data}`,
      );
    }),
    { numRuns: 250 },
  );
  expect(planned).toBeGreaterThan(50);
});

test('tensors that every device holds whole are not divided: Llama 3.1 70B over four devices', () => {
  const split = { tensor: 4, pipeline: 1, data: 1, expertParallel: false };
  const model = 'meta-llama/Llama-3.1-70B-Instruct';
  const { ledger } = plan(request({ model, engine: 'vllm', parallelism: split }));
  const weights = ledger.entries.filter((entry) => entry.category === 'weights');
  expect(weights.map((entry) => `${entry.tag}: ${entry.derivation.substituted}`)).toMatchInlineSnapshot(`
    [
      "attention: 3,019,898,880 elements of bf16 x 2 B, on each of 4 devices",
      "mlp: 14,092,861,440 elements of bf16 x 2 B, on each of 4 devices",
      "norms: 1,318,912 elements of bf16 x 2 B, the same on each of 4 devices",
      "embeddings: 262,668,288 elements of bf16 x 2 B + 1,048,576 B of rounding, on each of 4 devices",
      "head: 262,668,288 elements of bf16 x 2 B + 1,048,576 B of rounding, on each of 4 devices",
      "position tables: 16,777,216 elements of bf16 x 2 B, the same on each of 4 devices",
    ]
  `);
});

test('norms have a tag of their own, and only a mixture of experts has routers', () => {
  expect(weightTag('norm')).toBe('norms');
  const tags = (model: string): readonly string[] =>
    plan(request({ model })).ledger.entries.map((entry) => entry.tag);
  expect(tags('meta-llama/Llama-3.1-8B-Instruct')).not.toContain('routers');
  expect(tags('Qwen/Qwen3-30B-A3B')).toEqual(expect.arrayContaining(['routers', 'norms']));
});
