/** Energy and carbon of a run: power of the data sheets while devices compute and while they wait. */
import { carbonGrams, deviceWatts } from '@plimsoll/planner/power';
import type { SimulationReport } from '../report.ts';
import type { Scenario } from './scenario-schema.ts';

export interface EnergyReport {
  /** Mean power of all devices, building included. */
  readonly watts: number;
  readonly joulesPerRequest: number;
  /** Per 1,000 output tokens, prompts included. */
  readonly joulesPerThousandOutput: number;
  /** CO2 equivalent; null unless the scenario names a region. */
  readonly gramsPerRequest: number | null;
  readonly gramsPerThousandOutput: number | null;
}

interface EnergyInput {
  readonly scenario: Pick<Scenario, 'count' | 'energy'>;
  /** Of one device, from its data sheet; null if the registry has none. */
  readonly tdpWatts: number | null;
  /** Of the grid; null if the scenario names no region. */
  readonly gramsPerKwh: number | null;
}

/** Returns null for devices without a known power, and for a run without answers. */
export function energyOf(
  { requests, throughput, simulatedSeconds, batch }: SimulationReport,
  { scenario, tdpWatts, gramsPerKwh }: EnergyInput,
): EnergyReport | null {
  const outputTokens = throughput.outputTokensPerSecond * simulatedSeconds;
  if (tdpWatts === null || requests.completed === 0 || outputTokens === 0) return null;
  const { powerShare, idleShare = powerShare, otherPower, pue } = scenario.energy;
  const at = (share: number): number => deviceWatts(tdpWatts, { powerShare: share, otherPower, pue });
  const { busyShare } = batch;
  const watts = scenario.count * (busyShare * at(powerShare) + (1 - busyShare) * at(idleShare));
  const joules = watts * simulatedSeconds;
  const joulesPerRequest = joules / requests.completed;
  const joulesPerThousandOutput = (joules / outputTokens) * 1000;
  const grams = (each: number): number | null =>
    gramsPerKwh === null ? null : carbonGrams(each, gramsPerKwh);
  return {
    watts,
    joulesPerRequest,
    joulesPerThousandOutput,
    gramsPerRequest: grams(joulesPerRequest),
    gramsPerThousandOutput: grams(joulesPerThousandOutput),
  };
}
