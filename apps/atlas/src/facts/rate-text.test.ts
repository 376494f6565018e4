import { resolveHardware } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { arithmeticRateText, rateText } from './rate-text.ts';

test('rates and counts keep three digits and take the letter of their size', () => {
  expect([
    rateText(3.3523e12, 'B/s'),
    rateText(8_030_261_248, ''),
    rateText(671e9, ''),
    rateText(1.04e12, ''),
    rateText(596_049_920, ''),
    rateText(12, 'B/s'),
  ]).toEqual(['3.35 TB/s', '8.03 B', '671 B', '1.04 T', '596 M', '12 B/s']);
});

test('arithmetic is FLOP/s for floating-point types, OP/s for integers, and never above T', () => {
  const { rates } = resolveHardware('h100');
  const texts = Object.entries(rates).map(([type, rate = 0]) => `${type} ${arithmeticRateText(type, rate)}`);
  expect(texts).toMatchInlineSnapshot(`
    [
      "fp32 66.9 TFLOP/s",
      "tf32 495 TFLOP/s",
      "fp16 989 TFLOP/s",
      "bf16 989 TFLOP/s",
      "fp8 1,980 TFLOP/s",
      "int8 1,980 TOP/s",
    ]
  `);
  expect(arithmeticRateText('int8', 6e8)).toBe('600 MOP/s');
});
