import { expect, test } from 'vitest';
import { engineFaces } from '../engine-list.ts';
import { policyOf, type StepPolicy } from './step-policy.ts';

const policy: StepPolicy = {
  ...{ order: 'decode-first', admission: 'first-chunk', reserve: 0, skipHeadMax: 0 },
  ...{ tokensOption: 'tokens', source: 'new' },
  earlier: {
    ...{ before: '0.8', beforeMonth: '2025-03', order: 'prefill-first', admission: 'whole-prompt' },
    ...{ reserve: 0.01, skipHeadMax: 0, source: 'old' },
  },
};

test.each([
  ['0.7.3.dev138', null, 'old'],
  ['0.7', '2026-01', 'old'],
  ['0.8.0', '2024-01', 'new'],
  ['0.16.1', null, 'new'],
  ['1.0', null, 'new'],
  [null, '2024-11', 'old'],
  [null, '2025-03', 'new'],
  [null, null, 'new'],
  ['nightly', '2024-11', 'old'],
])('release %s of %s', (release, month, source) => {
  expect(policyOf(policy, { release, month }).source).toBe(source);
});

test('an earlier policy keeps the option of the tokens, and names a release and a month', () => {
  expect(policyOf(policy, { release: '0.7', month: null }).tokensOption).toBe('tokens');
  const earlier = engineFaces.flatMap(({ serving }) => serving?.earlier ?? []);
  expect(earlier.length).toBeGreaterThan(0);
  for (const { before, beforeMonth } of earlier) {
    expect(before).toMatch(/^\d+\.\d+$/);
    expect(beforeMonth).toMatch(/^\d{4}-\d\d$/);
  }
});
