import { expect, test } from 'vitest';
import { headerPolicy, policyTag } from './page-policy.ts';

test('the header repeats the policy of the page and forbids frames', () => {
  const html = `<head>${policyTag("default-src 'self'; script-src 'self' 'sha256-abc'")}`;
  expect(headerPolicy(html)).toBe(
    "default-src 'self'; script-src 'self' 'sha256-abc'; frame-ancestors 'none'",
  );
  expect(headerPolicy('no page of ours')).toMatch(/^default-src 'self'; .*; frame-ancestors 'none'$/);
});
