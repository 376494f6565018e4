/** A checkout starts from a bundle of its sources, and from the sources as soon as one of them differs. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { bundleCheckout } from './checkout-bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-checkout-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(main: string, words: readonly string[]): string {
  const starter = join(folder, 'starter.mjs');
  const address = JSON.stringify(pathToFileURL(main).href);
  writeFileSync(
    starter,
    `import { run } from ${address};\nprocess.exitCode = await run(process.argv.slice(2));\n`,
  );
  return execFileSync(process.execPath, [starter, ...words], { encoding: 'utf8' });
}

test('the bundle answers as the sources do, and finds data, kernels and threads', async () => {
  const target = join(folder, 'program');
  expect(await bundleCheckout(root, target)).toBeGreaterThan(300);
  const plan = ['plan', 'gpt-oss-20b', '--gpu', 'h100', '--context', '8k', '--json'];
  expect(run(join(target, 'main.js'), plan)).toBe(run(join(root, 'apps/plimsoll/src/main.ts'), plan));
  const model = join(root, 'fixtures/engine/llama-3/q8_0.gguf');
  const limits = ['--memory', '512MiB', '--ctx', '256', '--threads', '2', '-n', '4', '--json'];
  expect(JSON.parse(run(join(target, 'main.js'), ['run', model, 'hello', ...limits])).tokens.output).toBe(4);
});

test('a bundle is used while every source has its size and time, and its checkout its place', async () => {
  const checkout = join(folder, 'checkout');
  const app = join(checkout, 'apps/plimsoll');
  const source = join(checkout, 'a.ts');
  mkdirSync(join(app, '.cache/program'), { recursive: true });
  cpSync(join(root, 'apps/plimsoll/bin'), join(app, 'bin'), { recursive: true });
  writeFileSync(source, 'export {};');
  const { size, mtimeMs } = statSync(source);
  const list = join(app, '.cache/program/sources.json');
  writeFileSync(list, JSON.stringify({ root: join(checkout, '/'), files: [['a.ts', size, mtimeMs]] }));
  const probe = (place: string): string =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { freshBundle } from ${JSON.stringify(pathToFileURL(join(place, 'apps/plimsoll/bin/checkout-bundle.js')).href)};
         process.stdout.write(String(freshBundle()));`,
      ],
      { encoding: 'utf8' },
    );
  expect(probe(checkout)).toBe(join(app, '.cache/program/main.js'));
  utimesSync(source, new Date(), new Date(mtimeMs + 1000));
  expect(probe(checkout)).toBe('null');
  utimesSync(source, new Date(), new Date(mtimeMs));
  writeFileSync(source, 'export {}; //');
  expect(probe(checkout)).toBe('null');
  rmSync(source);
  expect(probe(checkout)).toBe('null');
  writeFileSync(list, '{');
  expect(probe(checkout)).toBe('null');
  writeFileSync(list, JSON.stringify({ root: join(checkout, '/'), files: [] }));
  expect(probe(checkout)).toBe(join(app, '.cache/program/main.js'));
  renameSync(checkout, join(folder, 'moved'));
  expect(probe(join(folder, 'moved'))).toBe('null');
});
