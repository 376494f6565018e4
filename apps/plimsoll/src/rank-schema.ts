/** The stable shape of `plimsoll rank --json`. */
import { engineNames } from '@plimsoll/planner/engines';
import { z } from 'zod';

const secondsField = z.number().describe('seconds');
const count = z.int().nonnegative();

const rankRow = z.strictObject({
  hardware: z.string().describe('id of the device'),
  hardwareName: z.string(),
  count,
  layout: z.strictObject({ tp: count, pp: count, dp: count, ep: z.boolean() }),
  engine: z.enum(engineNames),
  checkpoint: z.string(),
  weights: z.string(),
  kv: z.string(),
  serves: z.boolean().describe('whether all asked users are served within the asked times'),
  usersMax: count,
  tpotSeconds: secondsField.nullable(),
  ttftSeconds: secondsField.nullable().describe('seconds, of one prompt on idle devices'),
  perHourUsd: z.number().nullable().describe('of all devices; null where the device has no price'),
  perMillionOutputUsd: z.number().nullable().describe('while the asked users are served'),
  lost: z.string().nullable().describe('why this row is not the first; null for the first that serves'),
  command: z.string().nullable(),
});

export const rankSchema = z.strictObject({
  rows: z
    .array(rankRow)
    .describe('rows that serve and have a price, cheapest first; then without a price; then the others'),
  leftOut: z.array(z.strictObject({ hardware: z.string(), reason: z.string() })),
  countsPrompts: z.boolean(),
});
