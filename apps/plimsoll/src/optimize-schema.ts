/** The stable shape of `plimsoll optimize --json`. */
import { objectives } from '@plimsoll/simulator/optimize';
import { z } from 'zod';
import { simulateSchema } from './simulate-schema.ts';

const count = z.int().nonnegative();
const { ttft, itl, e2e, slo } = simulateSchema.shape;

const row = z.strictObject({
  hardware: z.string().describe('id of the device'),
  hardwareName: z.string(),
  devices: count.describe('of all replicas'),
  replicas: count,
  layout: z.strictObject({ tp: count, pp: count, dp: count, ep: z.boolean() }).describe('of one replica'),
  engine: z.string(),
  engineVersion: z.string().nullable(),
  checkpoint: z.string(),
  weights: z.string(),
  kv: z.string(),
  meets: z.boolean().describe('whether the run is stable, refuses no request and holds every SLO'),
  perHourUsd: z.number().nullable(),
  perMillionOutputUsd: z.number().nullable(),
  goodputRequestsPerSecond: z.number(),
  outputTokensPerSecond: z.number(),
  ttft,
  itl,
  e2e,
  slo,
  command: z.string().nullable().describe('of one replica'),
});

export const optimizeSchema = z.strictObject({
  objective: z.enum(objectives),
  candidates: z.strictObject({
    considered: count.describe('replicas: devices x layouts x weights x caches'),
    planned: count.describe('replicas that fit, start and have a price where the objective needs one'),
    simulated: count,
    simulations: count.describe('runs; a candidate may run with several numbers of replicas'),
    tooSlow: count.describe('a lower bound exceeds an SLO'),
    tooLarge: count.describe('the load needs more devices than allowed'),
    dearer: count.describe('the least value of the objective is above that of the runner-up'),
    leftOver: count.describe('the search ended at its most simulations'),
  }),
  winner: row.nullable(),
  runnerUp: row.nullable(),
  why: z.array(z.string()).describe('a sentence about the winner, and one about the runner-up'),
  front: z.array(row).describe('simulated rows that no other beats in price, goodput and the tightest SLO'),
  nearest: z
    .strictObject({ row: row.nullable(), message: z.string() })
    .nullable()
    .describe('the nearest miss, if nothing holds the SLOs'),
  leftOut: z.array(z.strictObject({ hardware: z.string(), reason: z.string() })),
});

export type OptimizeAnswer = z.output<typeof optimizeSchema>;
export type OptimizeRow = z.output<typeof row>;
