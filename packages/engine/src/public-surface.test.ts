/**
 * The public names of the package's entry points with their types, as the compiler declares them. Other programs rely
 * on them: a changed snapshot is a changed contract and must be deliberate.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../../..');
const source = 'packages/engine/src';
const faces = ['index', 'hidden-states', 'memory', 'sampling'];
const declarations = mkdtempSync(join(tmpdir(), 'plimsoll-surface-'));

beforeAll(() => {
  const compiler = join(repository, 'node_modules/typescript/bin/tsc');
  const options = {
    rootDir: '.',
    outDir: declarations,
    target: 'esnext',
    module: 'nodenext',
    lib: 'esnext',
    types: 'node',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const ambient = 'packages/kernels/src/wasm/webassembly.d.ts';
  const files = [...faces.map((face) => `${source}/${face}.ts`), ambient];
  const switches = [
    '--ignoreConfig',
    '--declaration',
    '--emitDeclarationOnly',
    '--removeComments',
    '--strict',
  ];
  const more = ['--allowImportingTsExtensions', '--skipLibCheck', '--resolveJsonModule'];
  execFileSync(process.execPath, [compiler, ...flags, ...switches, ...more, ...files], {
    cwd: repository,
    stdio: 'pipe',
  });
}, 120_000);
afterAll(() => rmSync(declarations, { recursive: true }));

function declared(path: string): string {
  return readFileSync(join(declarations, source, path), 'utf8');
}

/** The exports of an entry point, and the declarations of their files. */
function surface(face: string): string {
  const exports = declared(`${face}.d.ts`);
  const files = [...exports.matchAll(/from '\.\/(.*)\.ts'/g)].map(([, path]) => `${path}.d.ts`);
  const texts = [...new Set(files)].sort().map((path) => {
    const lines = declared(path).split('\n');
    return `// ${path}\n${lines.filter((line) => !line.startsWith('import ')).join('\n')}`;
  });
  return [exports, ...texts].join('\n');
}

test.each(faces)('%s', async (face) => {
  await expect(surface(face)).toMatchFileSnapshot(`__snapshots__/${face}.surface.txt`);
});
