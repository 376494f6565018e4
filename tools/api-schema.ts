/**
 * Sends requests that schemathesis makes from `/openapi.json` to a running `plimsoll serve`, and checks every answer: no
 * status 500, no status, content type or body that the document does not describe, no invalid request accepted.
 *
 *   node tools/api-schema.ts                       about a minute, seed 1
 *   node tools/api-schema.ts --seconds 3600 --cases 1000 --seed 7
 *
 * The requests depend on the seed alone as long as the time suffices. Exits with 2 if this machine cannot get
 * schemathesis (no Python, no registry), and with 1 for any other failure.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PlimsollError } from '@plimsoll/foundation';
import { serveProcess } from '../apps/plimsoll/src/served-process.test-data.ts';
import { pythonPrograms } from './conformance/python-environment.ts';
import { unavailableCodes } from './real-models/fetch-real-model.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '75' },
  },
});

/**
 * A schema cannot say that a token exceeds the vocabulary, or a prompt the context. Such requests conform to the schema
 * and get status 400, so acceptance of every conforming request is not checked.
 */
const excludedChecks = 'positive_data_acceptance';

/** Its stream never ends. */
const endlessPath = '/v1/events';

async function check(programs: string): Promise<number | null> {
  const flags = ['--ctx', '256', '--max-seqs', '8', '--alias', 'test-model', '--quiet'];
  const server = await serveProcess(flags);
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-schema-'));
  try {
    const bounds = ['--seed', values.seed, '--max-examples', values.cases, '--max-time', values.seconds];
    const checks = ['--exclude-checks', excludedChecks, '--continue-on-failure', '--warnings', 'off'];
    const choice = ['--exclude-path', endlessPath, '--phases', 'coverage,fuzzing'];
    const args = ['run', `${server.url}/openapi.json`, ...bounds, ...checks, ...choice];
    const child = spawn(join(programs, 'schemathesis'), args, { cwd: folder, stdio: 'inherit' });
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    server.child.kill('SIGTERM');
    const ended = await server.ended();
    if (ended === 0) return status;
    process.stdout.write(`the server ended with ${ended}:\n${server.err()}\n`);
    return 1;
  } finally {
    server.child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

try {
  const requirements = join(import.meta.dirname, 'conformance/schemathesis-requirements.txt');
  process.exitCode = (await check(pythonPrograms(requirements, process.env))) === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof PlimsollError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint ?? ''}\n`);
  process.exitCode = unavailableCodes.includes(error.code) ? 2 : 1;
}
