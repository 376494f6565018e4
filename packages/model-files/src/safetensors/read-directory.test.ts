import { cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readJsonFile } from '../read-file.ts';
import { modelSpecFromDirectory } from './model-spec-from-directory.ts';
import { readModelDirectory, readSafetensors, weightsOf } from './read-directory.ts';
import { encodeSafetensors } from './write.ts';

const fixture = fileURLToPath(new URL('../../../../fixtures/safetensors/tiny-llama', import.meta.url));
const shard = (number: number): string => `model-0000${number}-of-00002.safetensors`;
const indexName = 'model.safetensors.index.json';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'safetensors-'));
  await cp(fixture, directory, { recursive: true });
});
afterEach(() => rm(directory, { recursive: true }));

async function writeIndex(weightMap: unknown): Promise<void> {
  await writeFile(join(directory, indexName), JSON.stringify({ weight_map: weightMap }));
}

describe('a model directory', () => {
  test('config and shards', async () => {
    const { config, weights } = await readModelDirectory(directory);
    expect(config).toMatchObject({ model_type: 'llama', hidden_size: 4 });
    expect(
      weights?.tensors.map(({ name, type, shape, shard: index }) => `${name} ${type} [${shape}] ${index}`),
    ).toEqual([
      'model.embed_tokens.weight BF16 [8,4] 0',
      'model.layers.0.self_attn.q_proj.weight BF16 [4,4] 0',
      'lm_head.weight BF16 [8,4] 1',
    ]);
    expect(weights).toMatchObject({ tensorBytes: 160, notIndexed: [] });
  });

  test('one file without an index', async () => {
    await rm(join(directory, indexName));
    const data = new Uint8Array(4);
    await writeFile(
      join(directory, 'model.safetensors'),
      encodeSafetensors([{ name: 'a', type: 'F32', shape: [], data }]),
    );
    expect((await readModelDirectory(directory)).weights?.tensors.map((tensor) => tensor.name)).toEqual([
      'a',
    ]);
    expect((await readSafetensors(join(directory, 'model.safetensors'))).tensorBytes).toBe(4);
  });

  test('a config alone, or with an index of shards that were not downloaded, has null weights', async () => {
    for (const number of [1, 2]) await rm(join(directory, shard(number)));
    expect((await readModelDirectory(directory)).weights).toBeNull();
    await expect(readSafetensors(join(directory, indexName))).rejects.toMatchObject({
      code: 'safetensors-missing-shards',
    });
    await rm(join(directory, indexName));
    const bare = await readModelDirectory(directory);
    expect(bare.weights).toBeNull();
    expect(() => weightsOf(bare, 'fetch them')).toThrow(
      expect.objectContaining({ code: 'no-weights', value: directory, hint: 'fetch them' }),
    );
  });

  test('the spec comes from the config, and the shards are checked', async () => {
    const spec = await modelSpecFromDirectory(directory);
    expect(spec).toMatchObject({ source: 'safetensors', family: 'llama', hiddenSize: 4, notModelled: [] });
    expect(directory.endsWith(spec.id)).toBe(true);
    await truncate(join(directory, shard(2)), 100);
    await expect(modelSpecFromDirectory(directory)).rejects.toMatchObject({ code: 'safetensors-truncated' });
  });
});

describe('errors name the missing or damaged file', () => {
  test('no config, or a config that is not JSON', async () => {
    await writeFile(join(directory, 'config.json'), '{');
    await expect(readModelDirectory(directory)).rejects.toMatchObject({ code: 'bad-json' });
    await rm(join(directory, 'config.json'));
    await expect(readModelDirectory(directory)).rejects.toMatchObject({
      code: 'no-config',
      value: directory,
    });
    await expect(readJsonFile(join(directory, 'config.json'))).rejects.toMatchObject({
      code: 'file-not-found',
    });
  });

  test('a missing shard', async () => {
    await rm(join(directory, shard(2)));
    await expect(readModelDirectory(directory)).rejects.toMatchObject({
      code: 'safetensors-missing-shards',
      value: shard(2),
      limit: 2,
    });
  });

  test('a damaged shard', async () => {
    await truncate(join(directory, shard(2)), 100);
    await expect(readModelDirectory(directory)).rejects.toMatchObject({
      code: 'safetensors-truncated',
      message: expect.stringContaining(shard(2)),
    });
  });

  test('an index of another revision', async () => {
    await writeIndex({ 'lm_head.weight': shard(2), 'model.norm.weight': shard(1) });
    await expect(readModelDirectory(directory)).rejects.toMatchObject({
      code: 'safetensors-missing-tensors',
      message: expect.stringContaining('model.norm.weight'),
    });
    await writeIndex({ 'lm_head.weight': shard(2), 'model.embed_tokens.weight': shard(1) });
    const spec = await modelSpecFromDirectory(directory);
    expect(spec.notModelled).toEqual([
      'tensor model.layers.0.self_attn.q_proj.weight, in a shard but not in the index',
    ]);
  });

  test.each([
    ['a path out of the directory', { a: '../other/model.safetensors' }],
    ['a path of another system', { a: '..\\model.safetensors' }],
    ['a file of another kind', { a: 'config.json' }],
    ['no tensors', {}],
    ['numbers for names', { a: 1 }],
    ['a list', ['a']],
  ])('an index with %s', async (_name, map) => {
    await writeIndex(map);
    await expect(readModelDirectory(directory)).rejects.toMatchObject({ code: 'safetensors-bad-index' });
  });

  test('an index that is not JSON', async () => {
    await writeFile(join(directory, indexName), 'weight_map');
    await expect(readModelDirectory(directory)).rejects.toMatchObject({ code: 'safetensors-bad-index' });
  });
});
