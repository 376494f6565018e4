/** Schema of the memory of one device in a plan over several devices. */
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
