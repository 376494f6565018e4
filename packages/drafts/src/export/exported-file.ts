/** What the formats of an exported draft share. */
import { stat } from 'node:fs/promises';
import { PlimsollError } from '@plimsoll/foundation';

/** An export never replaces files: they could be those of the target. Throws `export-exists`. */
export async function checkAbsent(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere)
      throw new PlimsollError({
        code: 'export-exists',
        message: `${path} exists, and an export does not replace it`,
        value: path,
        limit: 'a new place',
        hint: 'choose another place, or remove the earlier export',
      });
  }
}

/** The bytes of elements as they lie in memory, which is little-endian on every system that Node runs on here. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
