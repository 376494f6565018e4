/**
 * Runs llama.cpp's own tests of its server against `plimsoll serve`. The tests stay outside the repository: give the folder
 * tools/server/tests of llama.cpp's source, for instance from the git bundle that the npm package node-llama-cpp ships.
 *
 *   node tools/llama-cpp-tests.ts FOLDER [further arguments of pytest]
 *
 * docs/conformance.md lists the files that run and the deselected tests, and this program reads both from there.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pythonPrograms } from './conformance/python-environment.ts';

const [source, ...further] = process.argv.slice(2);
if (source === undefined) {
  process.stderr.write('usage: node tools/llama-cpp-tests.ts FOLDER [arguments of pytest]\n');
  process.exit(1);
}
const here = import.meta.dirname;
const listed = readFileSync(join(here, '../docs/conformance.md'), 'utf8');
const files = [...listed.matchAll(/^\| `(unit\/\w+\.py)` \|/gm)].map(([, file]) => file ?? '');
const deselected = [...listed.matchAll(/^\| `(unit\/\w+\.py::[^`]+)` \|/gm)].map(([, name]) => name ?? '');

const programs = pythonPrograms(join(here, 'conformance/llama-cpp-requirements.txt'), process.env);
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-conformance-'));
try {
  const tests = join(folder, 'tools/server/tests');
  cpSync(resolve(source), tests, { recursive: true });
  // Tests name chat templates by their place in the source.
  const models = resolve(source, '../../../models');
  if (existsSync(models)) symlinkSync(models, join(folder, 'models'));
  const server = join(folder, 'llama-server');
  const command = [process.execPath, join(here, 'conformance/llama-server.ts')].map((part) => `'${part}'`);
  writeFileSync(server, `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`);
  chmodSync(server, 0o755);
  const options = [
    '-q',
    '--tb=line',
    '-m',
    'not slow',
    ...deselected.flatMap((name) => ['--deselect', name]),
  ];
  const { status } = spawnSync(join(programs, 'pytest'), [...options, ...files, ...further], {
    cwd: tests,
    stdio: 'inherit',
    env: { ...process.env, LLAMA_SERVER_BIN_PATH: server },
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
