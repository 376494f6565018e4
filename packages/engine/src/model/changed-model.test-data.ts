/** For tests: writes a copy of a fixture's GGUF file with changed metadata or tensors. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GgufValue, parseGguf } from '@plimsoll/model-files/gguf';
import { encodeGguf, type GgufTensorData } from '@plimsoll/model-files/writing';
import { fixturesDirectory } from '../loop/fixture-engine.test-data.ts';

export interface ModelChanges {
  /** Values by key; undefined removes the key. */
  readonly metadata?: Readonly<Record<string, GgufValue | undefined>>;
  /** Returns the tensor to write; called for every tensor. */
  tensor?(tensor: GgufTensorData): GgufTensorData;
}

/** Writes the changed copy of `fixture` (such as `llama-3/f32.gguf`) to `path`. */
export async function writeChangedModel(path: string, fixture: string, changes: ModelChanges): Promise<void> {
  const bytes = new Uint8Array(await readFile(join(fixturesDirectory, fixture)));
  const header = parseGguf(bytes, { arrays: 'all' });
  const metadata = new Map(header.metadata);
  for (const [key, value] of Object.entries(changes.metadata ?? {})) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  const tensors = header.tensors.map(({ name, type, shape, offset, bytes: size }) => {
    const tensor = { name, type, shape, data: bytes.subarray(offset, offset + size) };
    return changes.tensor?.(tensor) ?? tensor;
  });
  await writeFile(path, encodeGguf(tensors, { metadata }));
}
