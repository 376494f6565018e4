/**
 * `serve --prefix-cache-file` over restarts: the cache comes back after SIGTERM, and a server that dies at a random point,
 * in requests and in saves, serves again. PLIMSOLL_SERVER_KILLS sets the number of deaths.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { afterAll, afterEach, expect, test } from 'vitest';
import { fixtures, plimsoll } from './program.test-data.ts';
import { type ServedProcess, serveProcess, small } from './served-process.test-data.ts';

const killCount = Number(process.env.PLIMSOLL_SERVER_KILLS ?? 4);
const model = join(fixtures, 'engine/llama-3/q8_0.gguf');
const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-restart-'));
const started: ServedProcess[] = [];
afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(scratch, { recursive: true }));

async function serve(file: string, ...flags: readonly string[]): Promise<ServedProcess> {
  const served = await serveProcess(['--quiet', '--no-site', '--prefix-cache-file', file, ...flags], model);
  started.push(served);
  return served;
}

const prompts = [60, 140, 260].map((length, index) =>
  Array.from({ length }, (_, token) => 5 + ((token * 37 + index * 11) % 250)),
);

interface Completion {
  readonly choices: readonly { readonly text: string }[];
  readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
}

async function post<Answer>(url: string, path: string, body: object): Promise<Answer> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer as Answer;
}

async function complete(url: string, prompt: readonly number[]) {
  const body = { prompt, max_tokens: 24, temperature: 0, ignore_eos: true };
  const { choices, usage } = await post<Completion>(url, '/v1/completions', body);
  return { text: choices[0]?.text, cachedTokens: usage.prompt_tokens_details.cached_tokens };
}

async function answers(url: string) {
  const all = [];
  for (const prompt of prompts) all.push(await complete(url, prompt));
  return all;
}

test('texts after a restart equal the texts before, from the cache; another model starts empty', async () => {
  const file = join(scratch, 'cache');
  const before = await serve(file);
  expect(before.banner).toContain(`no prefix cache in ${file} yet: the cache starts empty`);
  const cold = await answers(before.url);
  expect(await post(before.url, '/v1/prefix-cache/save', {})).toMatchObject({ path: file });
  before.child.kill('SIGTERM');
  expect(await before.ended()).toBe(0);
  expect(before.err()).toMatch(/prefix cache: saved \d+ blocks \([\d.]+ [KMG]iB\) to /);
  const after = await serve(file);
  expect(after.banner).toMatch(/prefix cache: \d+ blocks from /);
  const warm = await answers(after.url);
  expect(warm.map(({ text }) => text)).toEqual(cold.map(({ text }) => text));
  expect(warm.map(({ cachedTokens }) => cachedTokens)).toEqual(
    prompts.map(({ length }) => 16 * Math.floor((length - 1) / 16)),
  );
  after.child.kill('SIGKILL');
  const other = await serve(file, '--kv-type', 'q8_0');
  expect(other.banner).toMatch(
    /the saved prefix cache has KV format .*: the prefix cache starts empty, and the next save replaces /,
  );
  expect((await answers(other.url)).map(({ cachedTokens }) => cachedTokens)).toEqual([0, 0, 0]);
});

test('two servers cannot share a file; the server after a killed one gets the file', async () => {
  const folder = mkdtempSync(join(scratch, 'shared-'));
  const file = join(folder, 'cache');
  const first = await serve(file);
  const refused = plimsoll(['serve', model, ...small, '--prefix-cache-file', file]);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(
    `the server with process id ${first.child.pid} keeps its prefix cache in ${file}`,
  );
  first.child.kill('SIGKILL');
  await first.ended();
  const second = await serve(file);
  expect(readdirSync(folder)).toEqual([`cache.lock-${second.child.pid}`]);
  second.child.kill('SIGTERM');
  expect(await second.ended()).toBe(0);
  expect(readdirSync(folder)).toEqual(['cache']);
});

test('a file that is no cache is discarded with a sentence', async () => {
  const file = join(scratch, 'other');
  writeFileSync(file, 'not a cache'.repeat(100));
  const { banner, url } = await serve(file);
  expect(banner).toContain(
    'the saved prefix cache is damaged: it does not begin with PLIMSPC1: the prefix cache starts',
  );
  expect((await complete(url, prompts[0] ?? [])).cachedTokens).toBe(0);
});

test(`kill -9 at ${killCount} random points, in requests and in saves: the next start serves the same texts`, async () => {
  const random = seededRandom(Number(process.env.PLIMSOLL_SEED));
  const file = join(scratch, 'killed');
  let texts: readonly (string | undefined)[] | null = null;
  let loads = 0;
  for (let kill = 0; kill <= killCount; kill++) {
    const { url, child, banner, ended } = await serve(file);
    expect(banner).not.toContain('damaged');
    if (/prefix cache: \d+ blocks? from/.test(banner)) loads++;
    const now = (await answers(url)).map(({ text }) => text);
    texts ??= now;
    expect(now).toEqual(texts);
    // The first save of each life ends, so that the next life has a cache; later saves and requests are cut off.
    await post(url, '/v1/prefix-cache/save', {});
    const work = async (run: () => Promise<unknown>): Promise<void> => {
      for (;;) await run();
    };
    const cutOff = [
      work(() => post(url, '/v1/prefix-cache/save', {})),
      work(() => complete(url, [kill + 1, ...(prompts[2] ?? [])])),
      work(() => complete(url, prompts[randomInteger(random, 0, prompts.length)] ?? [])),
    ].map((running) => running.catch(() => undefined));
    await new Promise((resolve) => setTimeout(resolve, randomInteger(random, 0, 150)));
    child.kill('SIGKILL');
    await Promise.all([...cutOff, ended()]);
  }
  expect(loads).toBe(killCount);
}, 300_000);
