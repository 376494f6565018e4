import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSlo } from './slo-text.ts';

function codeOf(text: string): string | null {
  try {
    parseSlo(text);
    return null;
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
}

test('limits with their statistics', () => {
  expect(parseSlo('ttft-p99=500ms, tpot-mean = 40ms,e2e-p99=20s,')).toEqual({
    'ttft-p99': '500ms',
    'tpot-mean': '40ms',
    'e2e-p99': '20s',
  });
});

test.each([
  ['ttft=500ms', 'slo-without-percentile'],
  ['itl', 'slo-without-percentile'],
  ['', 'bad-slo'],
  ['ttft-p95=500ms', 'bad-slo'],
  ['ttft-p99', 'bad-slo'],
  ['ttft-p99=500', 'bad-slo'],
  ['ttft-p99=-1ms', 'bad-slo'],
  ['ttft-p99=1s,ttft-p99=2s', 'bad-slo'],
  ['__proto__=1s', 'bad-slo'],
])('%s is refused', (text, code) => {
  expect(codeOf(text)).toBe(code);
});

test('any other text is a typed error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect([null, 'bad-slo', 'slo-without-percentile']).toContain(codeOf(text));
    }),
  );
});
