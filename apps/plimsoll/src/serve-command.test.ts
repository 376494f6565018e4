/** Runs `serve` as users do: as a process, on the engine's small random model. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { llama, plimsoll } from './program.test-data.ts';
import { type ServedProcess, serveProcess, small, startedServer } from './served-process.test-data.ts';
import { ledgerSchema } from './server/operations/memory-view.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-serve-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

async function serve(...flags: readonly string[]): Promise<ServedProcess> {
  const served = await serveProcess(flags);
  started.push(served.child);
  return served;
}

function complete(url: string, maxTokens: number, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ prompt: 'hello', max_tokens: maxTokens, ignore_eos: true }),
  });
}

/** Waits until the server computes a request. */
async function runs(url: string): Promise<void> {
  while (!/num_requests_running\{[^}]*\} 1\n/.test(await (await fetch(`${url}/metrics`)).text())) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('the banner names model, memory, users, address and a curl line that works; SIGTERM ends it with 0', async () => {
  const { url, banner, child, err, ended } = await serve('--alias', 'tiny', '--max-seqs', '4');
  expect(banner).toMatch(/^tiny \(also f16\.gguf\), loaded in /);
  expect(banner).toMatch(/memory [\d.]+ GiB of 0\.59 GiB \(--memory\): runtime /);
  expect(banner).toMatch(
    /[\d,]+ tokens of cache: \d users? of 1k tokens.*; at most 4 at once, the others wait/,
  );
  expect(banner).toContain('the model has no chat template');
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await complete(url, 4)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await ended()).toBe(0);
  expect(err()).toContain('SIGTERM: no request is running');
  expect(err()).toMatch(
    /\n\{"time":"[^"]+","id":"[^"]+","method":"POST","path":"\/v1\/completions","status":200,/,
  );
});

test('the command of a plan for several users holds the planned memory, entry by entry', async () => {
  const flags = [
    '--memory',
    '600MiB',
    '--users',
    '3',
    '--context',
    '768',
    '--threads',
    '2',
    '--block-size',
    '32',
  ];
  const planned = plimsoll(['plan', llama, '--engine', 'plimsoll', ...flags, '--kv', 'q8_0', '--json']);
  const { ledger, engine } = outputSchemas.plan.parse(JSON.parse(planned.out));
  const [, command, ...words] = (engine.command ?? '').split(' ');
  expect(command).toBe('serve');
  const served = await startedServer([...words, '--port', '0']);
  started.push(served.child);
  expect(served.banner).toContain('3 users of 768 tokens; at most 3 at once');
  const held = ledgerSchema.parse(await (await fetch(`${served.url}/v1/ledger`)).json());
  const named = ({ entries }: Pick<typeof held, 'entries'>) =>
    entries.map(({ category, tag, tier, bytes }) => `${category}/${tag} (${tier}) ${bytes}`).sort();
  expect(named(held)).toEqual(named(ledger));
  expect(named(held).join()).toMatch(/runtime\/program \(host\) \d+/);
  expect(held.limitBytes).toBe(600 * 2 ** 20);
});

test('a running request ends before the server does; --drain-seconds limits the wait', async () => {
  const patient = await serve('--quiet');
  const whole = complete(patient.url, 600);
  await runs(patient.url);
  patient.child.kill('SIGTERM');
  expect((await whole).status).toBe(200);
  expect(await patient.ended()).toBe(0);
  const hasty = await serve('--quiet', '--drain-seconds', '0', '--ctx', '16k');
  const cut = complete(hasty.url, 16_000).then(
    ({ status }) => status,
    () => 0,
  );
  await runs(hasty.url);
  hasty.child.kill('SIGTERM');
  expect(await hasty.ended()).toBe(1);
  expect(await cut).not.toBe(200);
  expect(hasty.err()).toContain('1 request cut off');
});

test('--api-key-file: requests need a key', async () => {
  const keys = join(scratch, 'keys.txt');
  writeFileSync(keys, '# team\nsecret-key-1\n');
  const { url, banner } = await serve('--api-key-file', keys);
  expect(banner).toContain('-H "authorization: Bearer $KEY"');
  expect((await complete(url, 2)).status).toBe(401);
  expect((await complete(url, 2, { authorization: 'Bearer secret-key-1' })).status).toBe(200);
});

test('a port in use, keys that are too short, too little memory: refused before or while loading', async () => {
  const { url } = await serve();
  const { port } = new URL(url);
  const taken = plimsoll(['serve', llama, ...small, '--port', port]);
  expect(taken.code).toBe(1);
  expect(taken.err).toContain(`--port ${Number(port) + 1}`);
  const keys = join(scratch, 'short.txt');
  writeFileSync(keys, 'abc\n');
  expect(plimsoll(['serve', llama, ...small, '--api-key-file', keys]).err).toContain(
    'shorter than 8 characters',
  );
  expect(plimsoll(['serve', llama, ...small, '--memory', '200MiB']).code).toBe(2);
});
