import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ggmlTypeNamed } from './ggml-types.ts';
import { readGgufFile, readGgufUrl } from './read-model.ts';
import { encodeGguf, ggufScalar, ggufString } from './write.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/gguf/', import.meta.url));
const part = (number: number): string => `tiny-llama-split-0000${number}-of-00003.gguf`;

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gguf-split-'));
  for (const number of [1, 2, 3]) await cp(join(fixtures, part(number)), join(directory, part(number)));
});
afterEach(() => rm(directory, { recursive: true }));

/** Builds a part with one tensor, as llama-gguf-split writes it. */
function smallPart(
  no: number,
  options: { count?: number; tensor?: string; total?: number } = {},
): Uint8Array {
  const { count = 2, tensor = `tensor.${no}`, total = 2 } = options;
  return encodeGguf([{ name: tensor, type: ggmlTypeNamed('F32'), shape: [1], data: new Uint8Array(4) }], {
    metadata: [
      ['general.architecture', ggufString('llama')],
      ['split.no', ggufScalar('uint16', no)],
      ['split.count', ggufScalar('uint16', count)],
      ['split.tensors.count', ggufScalar('int32', total)],
    ],
  });
}

async function twoParts(first: Uint8Array, second: Uint8Array): Promise<string> {
  await writeFile(join(directory, 'm-00001-of-00002.gguf'), first);
  await writeFile(join(directory, 'm-00002-of-00002.gguf'), second);
  return join(directory, 'm-00001-of-00002.gguf');
}

describe('split models', () => {
  test.each([1, 2, 3])('part %i leads to the whole model', async (number) => {
    const whole = await readGgufFile(join(fixtures, 'tiny-llama.gguf'));
    const split = await readGgufFile(join(directory, part(number)));
    const described = (model: typeof whole) =>
      model.tensors.map(({ name, shape, bytes }) => ({ name, shape, bytes }));
    expect(described(split)).toEqual(described(whole));
    expect(split.name).toBe(part(1));
    expect(split.parts.map(({ name, header }) => [name, header.tensors.length])).toEqual([
      [part(1), 8],
      [part(2), 8],
      [part(3), 5],
    ]);
    expect(split.tensors.map((tensor) => tensor.part).join('')).toBe('000000001111111122222');
    expect(split.metadata.get('llama.block_count')).toEqual(whole.metadata.get('llama.block_count'));
  });

  test('the error names all missing parts', async () => {
    await rm(join(directory, part(1)));
    await rm(join(directory, part(3)));
    await expect(readGgufFile(join(directory, part(2)))).rejects.toMatchObject({
      code: 'gguf-missing-parts',
      value: `${part(1)}, ${part(3)}`,
      limit: 3,
    });
  });

  test('a renamed part cannot lead to the other parts', async () => {
    await rename(join(directory, part(2)), join(directory, 'model.gguf'));
    await expect(readGgufFile(join(directory, 'model.gguf'))).rejects.toMatchObject({
      code: 'gguf-split-name',
    });
  });

  test('exchanged parts and parts of another model are refused', async () => {
    await rename(join(directory, part(1)), join(directory, 'x'));
    await rename(join(directory, part(2)), join(directory, part(1)));
    await rename(join(directory, 'x'), join(directory, part(2)));
    await expect(readGgufFile(join(directory, part(1)))).rejects.toMatchObject({
      code: 'gguf-split-mismatch',
    });

    const ofThree = await twoParts(smallPart(0), smallPart(1, { count: 3 }));
    await expect(readGgufFile(ofThree)).rejects.toMatchObject({
      code: 'gguf-split-mismatch',
      value: '1 of 3',
    });

    const twice = await twoParts(smallPart(0), smallPart(1, { tensor: 'tensor.0' }));
    await expect(readGgufFile(twice)).rejects.toMatchObject({
      code: 'gguf-duplicate-tensor',
      value: 'tensor.0',
    });

    const promised = await twoParts(smallPart(0, { total: 9 }), smallPart(1));
    await expect(readGgufFile(promised)).rejects.toMatchObject({
      code: 'gguf-split-mismatch',
      value: 2,
      limit: 9,
    });
  });

  test('a part count above the limit opens no file', async () => {
    await writeFile(join(directory, 'm-00001-of-60000.gguf'), smallPart(0, { count: 60_000 }));
    await expect(readGgufFile(join(directory, 'm-00001-of-60000.gguf'))).rejects.toMatchObject({
      code: 'gguf-split-name',
    });
  });
});

describe('over HTTP', () => {
  async function serving<Value>(use: (base: string) => Promise<Value>): Promise<Value> {
    const server = createServer(async (request, response) => {
      const bytes = await readFile(
        join(directory, new URL(String(request.url), 'http://host').pathname),
      ).catch(() => null);
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (bytes === null) response.writeHead(404).end();
      else {
        const end = Math.min(Number(last), bytes.length - 1);
        response.writeHead(206, { 'content-range': `bytes ${first}-${end}/${bytes.length}` });
        response.end(bytes.subarray(Number(first), end + 1));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  test('the parts are at sibling addresses', async () => {
    const local = await readGgufFile(join(directory, part(1)));
    const remote = await serving((base) => readGgufUrl(`${base}/${part(2)}?download=true`));
    expect(remote).toEqual(local);
  });

  test('the error names the missing part', async () => {
    await rm(join(directory, part(3)));
    const reading = serving((base) => readGgufUrl(`${base}/${part(1)}`));
    await expect(reading).rejects.toMatchObject({ code: 'gguf-missing-parts', value: part(3) });
  });

  test('an address that is not HTTP is refused', async () => {
    await expect(readGgufUrl('ftp://example.org/model.gguf')).rejects.toMatchObject({ code: 'bad-address' });
  });
});
