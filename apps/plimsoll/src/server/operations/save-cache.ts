/** `/v1/prefix-cache/save`: writes the prefix cache to the file of the server. */
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import type { ServerCore } from '../core/server-core.ts';
import type { ServerContext } from '../http/server-env.ts';

export const saveCacheRequestSchema = z.object({}).meta({ id: 'SavePrefixCache' });

export const saveCacheResponseSchema = z
  .object({ path: z.string(), blocks: z.int(), bytes: z.number().describe('Size of the file.') })
  .meta({ id: 'SavedPrefixCache' });

export async function saveCache({ prefixCache }: ServerCore, context: ServerContext): Promise<Response> {
  if (prefixCache === null) {
    throw new PlimsollError({
      code: 'no-prefix-cache-file',
      message: 'this server keeps no prefix cache on disk',
      hint: 'start it with --prefix-cache-file <file>',
    });
  }
  return context.json((await prefixCache.save()) satisfies z.infer<typeof saveCacheResponseSchema>);
}
