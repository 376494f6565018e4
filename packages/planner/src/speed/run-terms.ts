/** What a run adds to the times of steps: the front end of the engine, and releases whose kernels were young. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { SpeedAssumptions } from './assumptions.ts';
import { type FrontEndSeconds, type SpeedTable, shippedSpeedTable, speedEngine } from './speed-table.ts';

const measuredEngines = ['vllm', 'sglang', 'llama.cpp'];

/** Maps an engine's name, as benchmarks write it, to the engine whose measurements are told apart; else `other`. */
export function measuredEngine(engineText: string): string {
  const text = engineText.toLowerCase();
  if (speedEngine(text) === 'tensorrt-llm') return 'tensorrt-llm';
  return measuredEngines.find((name) => text.includes(name)) ?? 'other';
}

/** Returns the seconds that the front end of an engine, by any of its names, adds to a time to first token. */
export function requestSeconds(
  engine: string,
  promptTokens: number,
  table: SpeedTable = shippedSpeedTable,
): number {
  const frontEnds: Readonly<Record<string, FrontEndSeconds>> = table.requestSeconds;
  const { seconds, perPromptToken } = frontEnds[measuredEngine(engine)] ?? table.requestSeconds.other;
  return seconds + perPromptToken * promptTokens;
}

/**
 * Returns the factors on the steps of a run and on their matrix products. `month` (`2025-03`) is the month of the release or of the run; engines of an
 * unknown month count as mature.
 */
export function stepMaturity(
  run: { readonly spec: ModelSpec; readonly hardware: HardwareRecord; readonly month: string | null },
  table: SpeedTable = shippedSpeedTable,
): Required<Pick<SpeedAssumptions, 'stepFactor' | 'operationsFactor'>> {
  const factors = { stepFactor: 1, operationsFactor: 1 };
  const { month } = run;
  if (month === null) return factors;
  const kinds = new Set<string>(run.spec.layers.map(({ attention }) => attention.kind));
  for (const { attention, vendor, until, stepFactor, operationsFactor = 1 } of table.maturity) {
    const isYoung =
      month <= until &&
      (attention === undefined || kinds.has(attention)) &&
      (vendor === undefined || vendor === run.hardware.vendor);
    if (!isYoung) continue;
    factors.stepFactor = Math.max(factors.stepFactor, stepFactor);
    factors.operationsFactor = Math.max(factors.operationsFactor, operationsFactor);
  }
  return factors;
}
