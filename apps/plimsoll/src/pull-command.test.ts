/** Runs `pull`, and the commands that take `hf:` names, as users do, against a Hub on this machine. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeHollowModel } from './hollow-model.test-data.ts';
import { type Intercept, listingOf, sendFile, startTestHub, type TestHub } from './hub/test-hub.test-data.ts';
import { outputSchemas } from './json-schemas.ts';
import { fixtures, type Outcome, program } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-pull-'));
const gguf = (name: string): Uint8Array => readFileSync(join(fixtures, 'engine/llama-3', `${name}.gguf`));
const part = (number: number): string => `tiny-llama-split-0000${number}-of-00003.gguf`;
const checkpoint = join(fixtures, 'engine/llama-3/checkpoint');
const files = {
  'm-Q4_0.gguf': gguf('q4_0'),
  'm-Q8_0.gguf': gguf('q8_0'),
  ...Object.fromEntries(
    [1, 2, 3].map((number) => [part(number), readFileSync(join(fixtures, 'gguf', part(number)))]),
  ),
  ...Object.fromEntries(readdirSync(checkpoint).map((name) => [name, readFileSync(join(checkpoint, name))])),
};
const small = ['--memory', '400MiB', '--ctx', '256', '--threads', '1'] as const;

let hub: TestHub;
let cache: string;
beforeAll(async () => {
  hub = await startTestHub({ files });
});
beforeEach(() => {
  cache = mkdtempSync(join(scratch, 'cache-'));
  hub.intercept = () => false;
  hub.log.length = 0;
});
afterAll(() => {
  hub.close();
  rmSync(scratch, { recursive: true });
});

function environment(): NodeJS.ProcessEnv {
  const variables = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: '', HF_HUB_OFFLINE: '' };
  return { ...process.env, NO_COLOR: '1', ...variables };
}

/** Runs the program while the Hub answers. */
function plimsoll(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env: environment() }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('pull', () => {
  test('says what it downloads, prints the path, and downloads nothing twice', async () => {
    const first = await plimsoll('pull', 'hf:some/model');
    expect(first.code).toBe(0);
    expect(first.out.trim()).toBe(
      join(cache, 'models--some--model/snapshots', hub.commit('main'), 'm-Q8_0.gguf'),
    );
    expect(first.err).toContain('downloading some/model: 164.94 KiB');
    expect(first.err).toContain(
      'hf:some/model: Q8_0, 164.94 KiB, 164.94 KiB downloaded; plimsoll run hf:some/model "Hello"',
    );
    const again = await plimsoll('pull', 'hf:some/model', '--json');
    expect(outputSchemas.pull.parse(JSON.parse(again.out))).toEqual({
      model: 'some/model',
      name: 'Q8_0',
      revision: 'main',
      commit: hub.commit('main'),
      path: first.out.trim(),
      files: [{ path: 'm-Q8_0.gguf', bytes: 168_896 }],
      bytes: 168_896,
      downloadedBytes: 0,
    });
  });

  test('--list has every model with its size and whether it fits', async () => {
    const { out } = await plimsoll('pull', 'hf:some/model', '--list', '--memory', '400MiB', '--ctx', '256');
    expect(out).toMatchInlineSnapshot(`
      "model                                       size  files  fits
      tiny-llama-split-00001-of-00003.gguf   16.47 KiB      3  yes
      Q4_0                                   91.94 KiB      1  yes
      Q8_0                                  164.94 KiB      1  yes
      safetensors                           301.22 KiB      4  yes
      "
    `);
    const { out: json } = await plimsoll('pull', 'hf:some/model', '--list', '--json', '--memory', '64MiB');
    const { models } = outputSchemas.pull.parse(JSON.parse(json)) as {
      models: readonly { fits: boolean | null }[];
    };
    expect(models.map(({ fits }) => fits)).toEqual([false, false, false, false]);
  });

  test.each([
    [
      'a quantisation that the repository lacks',
      'hf:some/model:Q6_K',
      'no-such-quantisation',
      'Q4_0 (91.94 KiB, fits)',
    ],
    ['no repository', 'hf:no/model', 'hub-not-found', undefined],
    ['no revision', 'hf:some/model@v9', 'hub-not-found', undefined],
    ['a path', '../model', 'bad-hub-reference', undefined],
  ])('%s', async (_, name, code, limit) => {
    const { code: exitCode, out } = await plimsoll('pull', name, '--json');
    expect(exitCode).toBe(1);
    const { error } = outputSchemas.error.parse(JSON.parse(out));
    expect(error.code).toBe(code);
    if (limit !== undefined) expect(error.limit).toContain(limit);
  });

  test('a process that is killed leaves a download that the next process ends', async () => {
    const content = files['m-Q8_0.gguf'];
    hub.intercept = ({ response, file }) => {
      if (file !== 'm-Q8_0.gguf' || hub.log.filter((line) => line.includes('/resolve/')).length < 2)
        return false;
      // The header was read before; the download stops after half of the file.
      hub.intercept = () => false;
      response.writeHead(200, { 'content-length': content.byteLength }).write(content.subarray(0, 100_000));
      return true;
    };
    const child = spawn(process.execPath, [program, 'pull', 'hf:some/model'], {
      env: environment(),
      stdio: 'ignore',
    });
    const blobs = join(cache, 'models--some--model/blobs');
    await expect
      .poll(() => existsSync(blobs) && readdirSync(blobs).map((name) => statSync(join(blobs, name)).size), {
        timeout: 20_000,
      })
      .toEqual([100_000]);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect(readdirSync(join(cache, '.locks/models--some--model'))).toHaveLength(1);
    const { code, out } = await plimsoll('pull', 'hf:some/model');
    expect(code).toBe(0);
    expect(readFileSync(out.trim()).equals(content)).toBe(true);
    expect(hub.log.at(-1)).toMatch(/ bytes=100000-$/);
  });

  test('two processes at once download a file once', async () => {
    hub.intercept = ({ request, response, file }) => {
      const isDownload = file === 'm-Q8_0.gguf' && request.headers.range === undefined;
      if (isDownload) setTimeout(() => sendFile(request, response, files['m-Q8_0.gguf']), 1500);
      return isDownload;
    };
    const both = await Promise.all([plimsoll('pull', 'hf:some/model'), plimsoll('pull', 'hf:some/model')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(hub.log.filter((line) => line.endsWith('/m-Q8_0.gguf'))).toHaveLength(1);
  });
});

test('run, bench, inspect and plan take the name; a model in the cache needs no Hub', async () => {
  const name = 'hf:some/model:Q4_0';
  const inspected = await plimsoll('inspect', name, '--json');
  const planned = await plimsoll('plan', name, '--engine', 'plimsoll', ...small, '--json');
  expect(outputSchemas.inspect.parse(JSON.parse(inspected.out)).format).toBe('GGUF v3');
  expect(existsSync(join(cache, 'models--some--model'))).toBe(false);
  const flags = ['-n', '4', '--temp', '0', ...small, '--json'];
  const first = await plimsoll('run', name, 'hello', ...flags);
  expect(first.err).toContain('downloading some/model');
  const { text } = outputSchemas.run.parse(JSON.parse(first.out));
  hub.log.length = 0;
  const again = await plimsoll('run', name, 'hello', ...flags, '--offline');
  expect(outputSchemas.run.parse(JSON.parse(again.out)).text).toBe(text);
  const bench = await plimsoll(
    'bench',
    name,
    '-p',
    '8',
    '-n',
    '2',
    '-r',
    '1',
    '--threads',
    '1',
    '--memory',
    '400MiB',
  );
  expect(bench.code).toBe(0);
  const cached = await plimsoll('plan', name, '--engine', 'plimsoll', ...small, '--json');
  expect(JSON.parse(cached.out)).toEqual(JSON.parse(planned.out));
  expect((await plimsoll('inspect', name)).code).toBe(0);
  expect(hub.log).toEqual([]);
});

test('a checkpoint in safetensors has the name of its repository', async () => {
  hub.revisions.set('checkpoint', {
    files: Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith('.gguf'))),
  });
  const name = 'hf:some/model@checkpoint';
  expect((await plimsoll('inspect', name)).out).toContain('safetensors');
  const run = await plimsoll('run', name, 'hello', '-n', '2', ...small);
  expect(run.code).toBe(0);
  const refused = await plimsoll('run', name, 'hello', '--memory', '205MiB', '--ctx', '16k', '--offline');
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.err).toContain('plimsoll: some/model with one sequence');
});

test('a model that does not fit is refused before its download, with the quantisations that fit', async () => {
  const types = ['Q4_0', 'Q8_0', 'F16'] as const;
  for (const type of types)
    writeHollowModel(join(scratch, `b-${type}.gguf`), 'meta-llama/Llama-3.2-1B-Instruct', type);
  const listing = types.map((type) => {
    const size = statSync(join(scratch, `b-${type}.gguf`)).size;
    return {
      type: 'file',
      path: `b-${type}.gguf`,
      size: 1,
      oid: 'a'.repeat(40),
      lfs: { oid: 'a'.repeat(64), size },
    };
  });
  hub.revisions.set('large', { files: {}, listing });
  hub.intercept = headersFromDisk;
  const flags = ['--memory', '1200MiB', '--ctx', '512', '--threads', '1'];
  const { code, err } = await plimsoll('run', 'hf:some/model:F16@large', 'hello', ...flags);
  expect(code).toBe(2);
  expect(err).toMatch(/needs 2\.\d\d GiB; 1\.17 GiB are allowed/);
  expect(err).toMatch(/try: hf:some\/model:Q4_0 fits \(0\.\d\d GiB, needs \d\.\d\d GiB\); or /);
  expect(err).not.toContain('hf:some/model:Q8_0');
  expect(existsSync(join(cache, 'models--some--model'))).toBe(false);
  const none = await plimsoll('pull', 'hf:some/model@large', '--memory', '300MiB', '--ctx', '512');
  expect(none.code).toBe(2);
  expect(none.err).toContain('no quantisation of it fits');
});

/** Answers ranges of sparse files; a whole file is never asked for. */
const headersFromDisk: Intercept = ({ request, response, file }) => {
  if (file === null) return false;
  const path = join(scratch, file);
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const bytes = Buffer.alloc(Number(last) - Number(first) + 1);
  const handle = openSync(path, 'r');
  const count = readSync(handle, bytes, 0, bytes.length, Number(first));
  closeSync(handle);
  const total = statSync(path).size;
  response.writeHead(206, { 'content-range': `bytes ${first}-${Number(first) + count - 1}/${total}` });
  response.end(bytes.subarray(0, count));
  return true;
};

const oracle = `
import json, sys
from huggingface_hub import scan_cache_dir, try_to_load_from_cache
info = scan_cache_dir(sys.argv[1])
print(json.dumps({
  "warnings": [str(warning) for warning in info.warnings],
  "repositories": [[repo.repo_id, repo.size_on_disk, repo.nb_files,
    [[revision.commit_hash, sorted(revision.refs), sorted(str(file.file_path.relative_to(revision.snapshot_path)) for file in revision.files)] for revision in repo.revisions]] for repo in info.repos],
  "found": try_to_load_from_cache("some/model", "m-Q8_0.gguf", cache_dir=sys.argv[1]),
}))`;

function hasPythonLibrary(): boolean {
  try {
    execFileSync('python3', ['-c', 'import huggingface_hub'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasPythonLibrary())('beside huggingface_hub (skipped where Python lacks it)', () => {
  test("Python's library reads the cache as its own, without a warning", async () => {
    const { out: path } = await plimsoll('pull', 'hf:some/model');
    const seen: unknown = JSON.parse(execFileSync('python3', ['-c', oracle, cache], { encoding: 'utf8' }));
    expect(seen).toEqual({
      warnings: [],
      repositories: [['some/model', 168_896, 1, [[hub.commit('main'), ['main'], ['m-Q8_0.gguf']]]]],
      found: path.trim(),
    });
  });

  test('a file that Python downloaded is used without a request', async () => {
    const script =
      'import sys; from huggingface_hub import hf_hub_download; print(hf_hub_download("some/model", "m-Q4_0.gguf"))';
    hub.intercept = ({ request, response, file }) => {
      if (file === null || request.method !== 'HEAD') return false;
      const { lfs } = (entryOf(file) ?? {}) as { lfs?: { oid: string; size: number } };
      response
        .writeHead(200, {
          'x-repo-commit': hub.commit('main'),
          etag: `"${lfs?.oid}"`,
          'content-length': lfs?.size ?? 0,
        })
        .end();
      return true;
    };
    const out = await new Promise<string>((resolve, reject) => {
      execFile('python3', ['-c', script], { env: environment() }, (error, text) =>
        error === null ? resolve(text) : reject(error),
      );
    });
    hub.log.length = 0;
    const run = await plimsoll('pull', 'hf:some/model:Q4_0', '--offline');
    expect(run.out).toBe(out);
    expect(hub.log).toEqual([]);
  });
});

function entryOf(file: string): unknown {
  return listingOf({ files }).find((entry) => (entry as { path: string }).path === file);
}

test('pull --list without a model lists the cache, and rm removes from it', async () => {
  await plimsoll('pull', 'hf:some/model:Q4_0');
  expect((await plimsoll('pull', '--list')).out).toBe('hf:some/model:Q4_0  91.94 KiB\n');
  const { out } = await plimsoll('pull', '--list', '--json');
  expect(outputSchemas.pull.parse(JSON.parse(out))).toMatchObject({
    cache,
    models: [{ name: 'hf:some/model:Q4_0', bytes: 94_144 }],
  });
  expect((await plimsoll('rm', 'hf:some/model')).err).toBe('hf:some/model:Q4_0 removed, 91.94 KiB freed\n');
  expect((await plimsoll('pull', '--list')).err).toBe(`${cache} has no model\n`);
  expect(await plimsoll('rm', 'hf:some/model')).toMatchObject({ code: 1 });
});
