/**
 * Tests the messages of `npm start` and other scripts in an incomplete installation. Each case has its own small tree.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '..');
/** Makes the Node of this run report an older version; the tests need no other behaviour of an old Node. */
const olderNode = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });",
)}`;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-launch-'));
  for (const path of ['tools/launch.js', 'apps/plimsoll/bin', 'apps/plimsoll/package.json']) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    cpSync(join(repository, path), join(root, path), { recursive: true });
  }
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  const program = 'console.log(process.argv.slice(2).join(), process.versions.node); process.exitCode = 3;';
  writeFileSync(join(root, 'tools/program.ts'), `const words: string[] = [];\n${program}`);
});

afterEach(() => rmSync(root, { recursive: true }));

function launch({ isOld }: { isOld: boolean }, program: readonly string[]): object {
  const options = isOld ? ['--import', olderNode] : [];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, ...program], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const script = ['tools/launch.js', 'tools/program.ts', 'one', '--two'];
const missingNode =
  'Plimsoll needs Node 24 or newer, and this is Node 20.1.0: run "npm ci --ignore-scripts=false", whose install scripts ' +
  'bring the right Node, or install it from https://nodejs.org.\n';

test('before npm ci, the message names the way to install', () => {
  const stderr = 'Nothing is installed here yet: run "npm ci" first.\n';
  expect(launch({ isOld: false }, script)).toEqual({ status: 1, stdout: '', stderr });
  expect(launch({ isOld: true }, script)).toEqual({ status: 1, stdout: '', stderr });
});

test('with an older Node and without the pinned Node, scripts and program say what to run', () => {
  mkdirSync(join(root, 'node_modules/node'), { recursive: true });
  writeFileSync(join(root, 'node_modules/node/package.json'), '{}');
  const answer = { status: 1, stdout: '', stderr: missingNode };
  expect(launch({ isOld: true }, script)).toEqual(answer);
  expect(launch({ isOld: true }, ['apps/plimsoll/bin/plimsoll.js', 'plan'])).toEqual(answer);
});

test('a recent Node runs the program with its arguments', () => {
  mkdirSync(join(root, 'node_modules'));
  const stdout = `one,--two ${process.versions.node}\n`;
  expect(launch({ isOld: false }, script)).toEqual({ status: 3, stdout, stderr: '' });
});

test('an older Node starts the pinned Node and exits with its status', () => {
  mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true });
  writeFileSync(join(root, 'node_modules/node/package.json'), '{}');
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  symlinkSync(process.execPath, join(root, 'node_modules/node/bin', name));
  const stdout = `one,--two ${process.versions.node}\n`;
  expect(launch({ isOld: true }, script)).toEqual({ status: 3, stdout, stderr: '' });
});
