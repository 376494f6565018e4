/** Writes files that are whole or absent. */
import { open, rename, rm, stat } from 'node:fs/promises';
import { PlimsollError } from '@plimsoll/foundation';

/** Writes chunks one after another, syncs the file and gives it its name. */
export async function writeWholeFile(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const partial = `${path}.partial`;
  const file = await open(partial, 'w');
  try {
    for (const chunk of chunks) await file.writeFile(chunk);
    await file.sync();
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(partial, path);
}

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
