import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fixtures } from '../program.test-data.ts';
import { cachedModelToRemove, listCachedModels, removeCachedModel } from './cached-models.ts';
import { hubReferenceText, parseHubReference } from './hub-reference.ts';
import { type HubSettings, hubSettings } from './hub-settings.ts';
import { pullModel } from './pull-model.ts';
import { startTestHub, type TestHub } from './test-hub.test-data.ts';

const checkpoint = join(fixtures, 'engine/llama-3/checkpoint');
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text.repeat(500));
const files = {
  'm-Q4_K_M.gguf': bytesOf('four'),
  'm-Q8_0.gguf': bytesOf('eight'),
  ...Object.fromEntries(readdirSync(checkpoint).map((name) => [name, readFileSync(join(checkpoint, name))])),
};

let hub: TestHub;
let settings: HubSettings;
beforeEach(async () => {
  hub = await startTestHub({ files });
  const cache = mkdtempSync(join(tmpdir(), 'plimsoll-cache-'));
  settings = hubSettings({}, { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache });
});
afterEach(() => {
  hub.close();
  rmSync(settings.cacheFolder, { recursive: true });
});

const nothing = (): void => undefined;
const report = { start: nothing, progress: nothing, message: nothing, end: nothing };

async function pull(...names: readonly string[]): Promise<void> {
  for (const name of names)
    await pullModel(settings, parseHubReference(name), { fit: null, asksForNews: true, report });
}

function listed(): readonly string[] {
  return listCachedModels(settings.cacheFolder).map(({ reference }) => hubReferenceText(reference));
}

function remove(name: string): number {
  const { cacheFolder } = settings;
  return removeCachedModel(cacheFolder, cachedModelToRemove(cacheFolder, parseHubReference(name)));
}

test('the cache lists complete models; rm removes one and keeps the others', async () => {
  expect(listed()).toEqual([]);
  await pull('hf:some/model', 'hf:some/model:Q8_0');
  expect(listed()).toEqual(['hf:some/model:Q4_K_M', 'hf:some/model:Q8_0']);
  expect(() => remove('hf:some/model')).toThrow('names several models');
  expect(() => remove('hf:some/model:Q2_K')).toThrow('names no model');
  expect(remove('hf:some/model:Q8_0')).toBe(files['m-Q8_0.gguf'].byteLength);
  expect(listed()).toEqual(['hf:some/model:Q4_K_M']);
  expect(remove('hf:some/model')).toBe(files['m-Q4_K_M.gguf'].byteLength);
  const folder = join(settings.cacheFolder, 'models--some--model');
  expect(['blobs', 'snapshots', 'refs'].map((name) => readdirSync(join(folder, name)))).toEqual([[], [], []]);
});

test('a blob that another revision needs stays', async () => {
  await pull('hf:some/model');
  const old = hub.commit('main');
  hub.revisions.set('main', { files: { ...files, 'README.md': bytesOf('new') } });
  await pull('hf:some/model');
  expect(listed().toSorted()).toEqual(['hf:some/model:Q4_K_M', `hf:some/model:Q4_K_M@${old}`].toSorted());
  expect(remove(`hf:some/model@${old}`)).toBe(0);
  expect(listed()).toEqual(['hf:some/model:Q4_K_M']);
  const [{ path } = { path: '' }] = listCachedModels(settings.cacheFolder);
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(existsSync(path)).toBe(true);
});

test('a checkpoint is removed with its tokenizer', async () => {
  const checkpointFiles = Object.fromEntries(
    Object.entries(files).filter(([name]) => !name.endsWith('.gguf')),
  );
  hub.revisions.set('v1', { files: checkpointFiles });
  await pull('hf:some/model@v1');
  expect(listed()).toEqual(['hf:some/model@v1']);
  const sizes = Object.values(checkpointFiles).map((content) => content.byteLength);
  expect(remove('hf:some/model@v1')).toBe(sizes.reduce((sum, size) => sum + size, 0));
  expect(listed()).toEqual([]);
});

test.each([
  '',
  '{',
  '[]',
  '{"weight_map": {"a": "model-00001-of-00002.safetensors"}}',
  '{"weight_map": {"a": 5}}',
])('a checkpoint with the index %j is not complete', async (index) => {
  const names = ['config.json', 'tokenizer.json'] as const;
  const shard = { 'model-00002-of-00002.safetensors': bytesOf('shard') };
  const content = { 'model.safetensors.index.json': new TextEncoder().encode(index) };
  hub.revisions.set('v1', {
    files: {
      ...Object.fromEntries(names.map((name) => [name, readFileSync(join(checkpoint, name))])),
      ...shard,
      ...content,
    },
  });
  await pull('hf:some/model@v1');
  expect(listed()).toEqual([]);
});
