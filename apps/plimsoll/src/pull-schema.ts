/** JSON Schema of `plimsoll pull --json`. */
import { z } from 'zod';

const bytes = z.int().nonnegative();

export const pullSchema = z.union([
  z.strictObject({
    model: z.string().describe('organisation/name'),
    name: z.string().describe('the quantisation, safetensors, or the path of the file'),
    revision: z.string(),
    commit: z.string(),
    path: z.string().describe('what an engine opens: a GGUF file or a directory'),
    files: z.array(z.strictObject({ path: z.string(), bytes })),
    bytes,
    downloadedBytes: bytes.describe('0 if the cache had all files'),
  }),
  z
    .strictObject({
      model: z.string(),
      commit: z.string(),
      models: z.array(
        z.strictObject({
          name: z.string(),
          files: z.array(z.string()),
          bytes,
          fits: z.boolean().nullable().describe('null if the engine does not run the model'),
        }),
      ),
    })
    .describe('with --list'),
  z
    .strictObject({
      cache: z.string().describe('folder of the cache'),
      models: z.array(z.strictObject({ name: z.string(), commit: z.string(), path: z.string(), bytes })),
    })
    .describe('with --list and no model'),
]);
