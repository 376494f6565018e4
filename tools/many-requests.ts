/**
 * Sends random requests to `plimsoll serve` with a small memory limit, as a test of 2,000 requests does:
 *
 *   node tools/many-requests.ts --count 20000 --seed 1
 *
 * Prints the outcomes, the time and the peak of resident memory. Exits with 1 if a rule did not hold.
 */
import { parseArgs } from 'node:util';
import { formatBytes } from '@plimsoll/foundation';
import { serveProcess } from '../apps/plimsoll/src/served-process.test-data.ts';
import {
  manyRequestsFlags,
  sendManyRequests,
} from '../apps/plimsoll/src/server/testing/many-requests.test-data.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.count);
const seed = Number(values.seed);

const server = await serveProcess(manyRequestsFlags);
const startedAt = performance.now();
try {
  const { outcomes, refusals, peakBytes, limitBytes, problems } = await sendManyRequests(server, {
    count,
    seed,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  server.child.kill('SIGTERM');
  const status = await server.ended();
  const lines = [
    `${count} requests of seed ${seed} in ${seconds.toFixed(0)} s: ${outcomes.whole} answered, ${outcomes.left} left by their clients, ${outcomes.malformed} malformed`,
    `${refusals} times the queue was full; peak of resident memory ${formatBytes(peakBytes)} of ${formatBytes(limitBytes)}`,
    ...problems,
    ...(status === 0 ? [] : [`the server ended with ${status}`]),
    ...(server.err().includes('internal-error') ? [server.err()] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = lines.length === 2 ? 0 : 1;
} finally {
  server.child.kill('SIGKILL');
}
