import fc from 'fast-check';
import { expect, test } from 'vitest';
import { reportOf } from '../report.ts';
import { simulate } from '../simulate.ts';
import { simulationInput } from '../testing.test-data.ts';
import { energyOf } from './scenario-energy.ts';

const input = simulationInput({ load: { requests: 50 } });
const report = reportOf(input, simulate(input));
const plain = { powerShare: 1, idleShare: undefined, otherPower: 0, pue: 1, region: undefined };

test('the power of the data sheet, spread over requests and tokens', () => {
  const energy = energyOf(report, { scenario: { count: 4, energy: plain }, tdpWatts: 700, gramsPerKwh: 360 });
  const joules = 2800 * report.simulatedSeconds;
  expect(energy?.watts).toBeCloseTo(2800, 9);
  expect(energy?.joulesPerRequest).toBeCloseTo(joules / 50, 9);
  const tokens = report.throughput.outputTokensPerSecond * report.simulatedSeconds;
  expect(energy?.joulesPerThousandOutput).toBeCloseTo((joules / tokens) * 1000, 6);
  // 360 g per kWh are 100 g per megajoule.
  expect(energy?.gramsPerRequest).toBeCloseTo(joules / 50 / 1e4, 9);
  const unknown = { scenario: { count: 4, energy: plain }, tdpWatts: null, gramsPerKwh: null };
  expect(energyOf(report, unknown)).toBeNull();
  const nowhere = energyOf(report, { ...unknown, tdpWatts: 700 });
  expect(nowhere).toMatchObject({ gramsPerRequest: null, gramsPerThousandOutput: null });
});

test('the mean power lies between that of idle and of busy devices', () => {
  const share = fc.double({ min: 0.01, max: 1, noNaN: true });
  fc.assert(
    fc.property(share, share, fc.double({ min: 1, max: 3, noNaN: true }), (first, second, pue) => {
      const energy = { ...plain, powerShare: first, idleShare: second, otherPower: 100, pue };
      const watts = energyOf(report, {
        scenario: { count: 2, energy },
        tdpWatts: 700,
        gramsPerKwh: null,
      })?.watts;
      const at = (power: number): number => 2 * pue * (700 * power + 100);
      expect(watts).toBeGreaterThanOrEqual(at(Math.min(first, second)) * (1 - 1e-12));
      expect(watts).toBeLessThanOrEqual(at(Math.max(first, second)) * (1 + 1e-12));
    }),
  );
});
