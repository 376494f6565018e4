/**
 * Runs before every test file. Property tests take the seed of the run, and a test during which anything is printed
 * fails: a library that prints is a defect, and a test run should show only its own report.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { configureGlobal } from 'fast-check';
import { afterEach } from 'vitest';

const seed = Number(process.env.PLIMSOLL_SEED);
if (!Number.isSafeInteger(seed)) {
  throw new PlimsollError({
    code: 'bad-seed',
    message: 'PLIMSOLL_SEED is not a seed',
    value: process.env.PLIMSOLL_SEED,
    limit: 'a whole number',
    hint: 'leave it out to get a random one',
  });
}
configureGlobal({ seed });

const printed: string[] = [];

const methods = ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn'];
const recorders = methods.map((method) => [
  method,
  (...values: readonly unknown[]) => printed.push(`console.${method}: ${values.map(String).join(' ')}`),
]);
Object.assign(console, Object.fromEntries(recorders));
for (const name of ['stdout', 'stderr'] as const) {
  process[name].write = (chunk: string | Uint8Array): boolean => {
    printed.push(
      `process.${name}: ${typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')}`,
    );
    return true;
  };
}

afterEach(() => {
  const lines = printed.splice(0);
  if (lines.length > 0) throw new Error(`printed during the test:\n${lines.join('\n')}`);
});
