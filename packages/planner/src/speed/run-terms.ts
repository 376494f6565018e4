/** What a run adds to the times of steps: the front end of the engine, and releases whose kernels were young. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
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
 * Returns the factor on the steps of a run. `month` (`2025-03`) is the month of the release or of the run; engines of an
 * unknown month count as mature.
 */
export function stepMaturity(
  run: { readonly spec: ModelSpec; readonly hardware: HardwareRecord; readonly month: string | null },
  table: SpeedTable = shippedSpeedTable,
): number {
  const { month } = run;
  if (month === null) return 1;
  const kinds = new Set<string>(run.spec.layers.map(({ attention }) => attention.kind));
  return table.maturity
    .filter(
      ({ attention, vendor, until }) =>
        month <= until &&
        (attention === undefined || kinds.has(attention)) &&
        (vendor === undefined || vendor === run.hardware.vendor),
    )
    .reduce((factor, row) => Math.max(factor, row.stepFactor), 1);
}
