/** The schema of `plimsoll zoo --json`: rows of models or of devices. */
import { z } from 'zod';

const bytes = z.number().describe('bytes');
const count = z.int().nonnegative();

const modelRow = z.strictObject({
  id: z.string(),
  family: z.string(),
  parameters: count.nullable(),
  activeParameters: count.nullable(),
  contextLength: count.nullable(),
  quantization: z.string().nullable(),
  released: z.iso.date().nullable(),
  keys: z.array(z.string()),
});

const hardwareRow = z.strictObject({
  id: z.string(),
  name: z.string(),
  vendor: z.string(),
  class: z.string(),
  servesLanguageModels: z.boolean(),
  releaseYear: z.int(),
  nominalBytes: bytes,
  usableBytes: bytes,
  bandwidthBytesPerSecond: z.number(),
  file: z.string(),
  variant: z.string().nullable(),
  keys: z.array(z.string()),
});

export const zooSchema = z.strictObject({ rows: z.union([z.array(modelRow), z.array(hardwareRow)]) });
