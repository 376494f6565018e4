/** Compares the answers of two simulations figure by figure: `plimsoll simulate --compare`. */
import { z } from 'zod';
import { type SimulateAnswer, simulateSchema } from './simulate-schema.ts';

const figure = z.strictObject({
  metric: z.string().describe('path in the report, such as ttft.p99'),
  first: z.number().nullable(),
  second: z.number().nullable(),
  change: z.number().nullable().describe('second / first - 1; null if a value is missing or the first is 0'),
});

const comparisonSchema = z.strictObject({
  first: simulateSchema,
  second: simulateSchema,
  differences: z.array(figure).describe('every number that differs, in the order of the report'),
});

/** Shapes of `plimsoll simulate --json`, by the names that `plimsoll schema` takes. */
export const simulationSchemas = {
  simulate: simulateSchema,
  'simulate-comparison': comparisonSchema,
} as const;

export type SimulateComparison = z.output<typeof comparisonSchema>;
export type FigureDifference = z.output<typeof figure>;

export function compareSimulations(first: SimulateAnswer, second: SimulateAnswer): SimulateComparison {
  const [left, right] = [figuresOf(first), figuresOf(second)];
  const metrics = [...left.keys(), ...[...right.keys()].filter((metric) => !left.has(metric))];
  const differences = metrics
    .map((metric) => differenceOf(metric, left.get(metric) ?? null, right.get(metric) ?? null))
    .filter((one) => one.first !== one.second);
  return { first, second, differences };
}

export function differenceOf(metric: string, first: number | null, second: number | null): FigureDifference {
  const change = first === null || second === null || first === 0 ? null : second / first - 1;
  return { metric, first, second, change };
}

/** The numbers of the report by their paths, without the scenario and the verdicts. */
function figuresOf({ scenario, slo, assert, ...report }: SimulateAnswer): ReadonlyMap<string, number> {
  const figures = new Map<string, number>();
  const collect = (value: unknown, path: string): void => {
    if (typeof value === 'number') figures.set(path, value);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) collect(inner, path === '' ? key : `${path}.${key}`);
  };
  collect(report, '');
  return figures;
}
