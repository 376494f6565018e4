import { expect, test } from 'vitest';
import { rateText } from './rate-text.ts';

test('rates and counts keep three digits and take the letter of their size', () => {
  expect([
    rateText(3.3523e12, 'B/s'),
    rateText(9.894e14, 'op/s'),
    rateText(1.9789e15, 'op/s'),
    rateText(8_030_261_248, ''),
    rateText(671e9, ''),
    rateText(1.04e12, ''),
    rateText(596_049_920, ''),
    rateText(12, 'B/s'),
  ]).toMatchInlineSnapshot(`
    [
      "3.35 TB/s",
      "989 Top/s",
      "1.98 Pop/s",
      "8.03 B",
      "671 B",
      "1.04 T",
      "596 M",
      "12 B/s",
    ]
  `);
});
