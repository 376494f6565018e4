/** Four memories and the least time each needs to read one model. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { bandwidth, readingFloor } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const devices = {
    m4: 'apple-m4-max-40-core-64gb',
    '4090': 'rtx-4090',
    h100: 'h100-sxm-80gb',
    b200: 'b200-sxm-180gb',
  };
  const rows = Object.entries(devices).flatMap(([name, device]) => [
    [`bw-${name}`, bandwidth(device)] as const,
    [`floor-${name}`, readingFloor(device)] as const,
  ]);
  return Object.fromEntries(rows);
}
