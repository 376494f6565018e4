/** Random requests from many clients in a small memory limit; `tools/many-requests.ts` sends more of them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServedProcess, serveProcess } from '../served-process.test-data.ts';
import { manyRequestsFlags, sendManyRequests } from './testing/many-requests.test-data.ts';

const count = 2000;

let server: ServedProcess;
beforeAll(async () => {
  server = await serveProcess(manyRequestsFlags);
});
afterAll(() => void server.child.kill('SIGKILL'));

test(`${count} requests: whole answers, within the memory, every block back`, async () => {
  const report = await sendManyRequests(server, { count, seed: Number(process.env.PLIMSOLL_SEED) });
  const { outcomes, refusals, problems } = report;
  expect(problems).toEqual([]);
  expect(outcomes.whole + outcomes.left + outcomes.malformed).toBe(count);
  expect(outcomes.whole).toBeGreaterThan(count / 2);
  expect(refusals).toBeGreaterThan(0);
  expect(outcomes.left).toBeGreaterThan(count / 20);
  server.child.kill('SIGTERM');
  expect(await server.ended()).toBe(0);
  expect(server.err()).not.toContain('internal-error');
}, 600_000);
