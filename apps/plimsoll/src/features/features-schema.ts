/** JSON Schema of `plimsoll features --json`. */
import { z } from 'zod';

const count = z.int().nonnegative();
const bytes = count.describe('bytes');
const secondsField = z.number().describe('seconds');

const estimate = z.strictObject({
  lines: count,
  prompts: count,
  tokens: count,
  lossTokens: count.describe('tokens of answers, which the loss counts'),
  cutTokens: count.describe('tokens beyond the maximum length'),
  droppedTurns: count.describe('turns that were out of order or had no answer'),
  skipped: z.record(z.string(), count).describe('lines that are not trained, by reason'),
  firstFault: z.string().nullable(),
  bytesPerToken: bytes,
  featureBytes: bytes,
  diskFreeBytes: bytes,
  memoryBytes: bytes.describe('of the engine'),
  seconds: z
    .strictObject({
      capture: secondsField,
      answersMax: secondsField.describe(
        'if every answer has all of its tokens; 0 with the answers of the data',
      ),
    })
    .nullable()
    .describe('with --plan: measured on a few prompts, and scaled'),
});

export type FeaturesEstimate = z.infer<typeof estimate>;

const setting = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number()).readonly()]);

export const featuresSchema = z.strictObject({
  settings: z.record(z.string(), setting).describe('what the features depend on, as in run.json'),
  estimate,
  result: z
    .strictObject({
      folder: z.string(),
      captured: count,
      existing: count.describe('samples of earlier runs'),
      tokens: count.describe('captured by this run'),
      bytes,
      captureSeconds: secondsField,
      answers: z
        .strictObject({ conversations: count, cut: count, skipped: count, seconds: secondsField })
        .nullable()
        .describe('null with the answers of the data'),
      failed: z.array(z.strictObject({ taskId: z.string(), sourceId: z.string(), reason: z.string() })),
    })
    .nullable()
    .describe('null with --plan'),
});

export type FeaturesAnswer = z.infer<typeof featuresSchema>;
