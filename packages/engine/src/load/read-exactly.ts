/** A read that must not come back short: the file ended before a tensor that its header promised. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from '@plimsoll/model-files';

export async function readExactly(
  source: ByteSource,
  { offset, length, name }: { readonly offset: number; readonly length: number; readonly name: string },
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.byteLength === length) return bytes;
  throw new PlimsollError({
    code: 'tensor-truncated',
    message: `${source.name} ends inside tensor ${name}: ${bytes.byteLength} of ${length} bytes at ${offset}`,
    value: bytes.byteLength,
    limit: length,
    hint: 'the download is incomplete: download the file again',
  });
}
