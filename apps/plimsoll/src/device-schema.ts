/** Schema of what one of several devices holds. */
import { z } from 'zod';

const bytes = z.number();

export const deviceMemory = z.strictObject({
  name: z.string(),
  hardware: z.string(),
  usableBytes: bytes,
  weightBytes: bytes,
  cacheBytes: bytes,
  workBytes: bytes,
  spareBytes: bytes,
});
