/**
 * 2,000 random requests in a small memory limit, 32 at a time: streams, several answers, grammars, shared beginnings,
 * malformed bodies, clients that leave and clients that read slowly. Every accepted request gets its whole answer, the
 * process stays within its limit, and at the end no sequence owns a block. The engine counts every block again whenever
 * it becomes idle, and stops if a count is wrong.
 */
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServedProcess, serveProcess } from '../served-process.test-data.ts';

/** A night's run sets a larger number. */
const requestCount = Number(process.env.PLIMSOLL_SERVER_REQUESTS ?? 2000);
const clientsAtOnce = 32;

let server: ServedProcess;
beforeAll(async () => {
  server = await serveProcess([
    '--memory',
    '420MiB',
    '--ctx',
    '512',
    '--max-seqs',
    '8',
    '--waiting-max',
    '20',
    '--quiet',
  ]);
});
afterAll(() => void server.child.kill('SIGKILL'));

const schemas = ['boolean', 'integer', 'null'].map((type) => ({ type }));
const beginnings = Array.from({ length: 4 }, (_, index) => `the ship ${index} sails on `.repeat(8));
const malformed = ['{', '[]', '{"messages": []}', '{"messages": "hi"}', '{"messages": [{"role": "king"}]}'];

interface Plan {
  readonly path: string;
  readonly body: string;
  readonly isMalformed: boolean;
  /** Milliseconds until the client leaves; null if it stays. */
  readonly leavesAfter: number | null;
  readonly readsSlowly: boolean;
}

function randomPlan(random: Random): Plan {
  const pick = <Value>(values: readonly Value[]): Value =>
    values[randomInteger(random, 0, values.length)] as Value;
  const isMalformed = random() < 0.05;
  const isChat = random() < 0.5;
  const text = `${pick(beginnings).slice(0, randomInteger(random, 1, 160))}${randomInteger(random, 0, 50)}`;
  const body = {
    ...(isChat ? { messages: [{ role: 'user', content: text }] } : { prompt: text }),
    max_tokens: randomInteger(random, 12, 60),
    n: random() < 0.1 ? 3 : 1,
    seed: randomInteger(random, 0, 1000),
    temperature: pick([0, 1]),
    stream: random() < 0.5,
    ignore_eos: random() < 0.5,
    priority: randomInteger(random, -2, 3),
    ...(random() < 0.2 && { stop: ['e', '12'] }),
    ...(random() < 0.1 && { cache_salt: pick(['a', 'b']) }),
    ...(random() < 0.1 && { logprobs: isChat ? true : 2 }),
    ...(random() < 0.1 && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: pick(schemas) } },
    }),
  };
  return {
    path: isChat ? '/v1/chat/completions' : '/v1/completions',
    body: isMalformed ? pick(malformed) : JSON.stringify(body),
    isMalformed,
    leavesAfter: random() < 0.3 ? randomInteger(random, 0, 80) : null,
    readsSlowly: random() < 0.05,
  };
}

type Outcome = 'left' | 'whole' | 'malformed';

async function run(plan: Plan): Promise<Outcome | 'full'> {
  const controller = new AbortController();
  const { leavesAfter } = plan;
  const timer = leavesAfter === null ? undefined : setTimeout(() => controller.abort(), leavesAfter);
  try {
    const response = await fetch(server.url + plan.path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: plan.body,
      signal: controller.signal,
    });
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (plan.readsSlowly) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (response.status === 429) return 'full';
    if (plan.isMalformed) {
      expect(response.status).toBe(400);
      return 'malformed';
    }
    expect([response.status, text.slice(0, 300)]).toEqual([200, expect.any(String)]);
    expect(text).toMatch(/"finish_reason":"(?:stop|length)"/);
    if (text.startsWith('data:')) expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    return 'whole';
  } catch (error) {
    if (controller.signal.aborted) return 'left';
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

interface Ledger {
  readonly limitBytes: number;
  readonly residentBytes: number;
  readonly entries: readonly { readonly bytes: number }[];
  readonly cache: readonly { readonly owned: number; readonly free: number; readonly cached: number }[];
  readonly sequences: Readonly<Record<'waiting' | 'running' | 'paused', number>>;
}

async function ledger(): Promise<Ledger> {
  return (await fetch(`${server.url}/v1/ledger`)).json() as Promise<Ledger>;
}

test(`${requestCount} requests: whole answers, within the memory, every block back`, async () => {
  const random = seededRandom(Number(process.env.PLIMSOLL_SEED));
  const outcomes: Record<Outcome, number> = { left: 0, whole: 0, malformed: 0 };
  let refusals = 0;
  const before = await ledger();
  const blocks = before.cache.map(({ owned, free, cached }) => owned + free + cached);
  let peakBytes = before.residentBytes;
  let left = requestCount;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const plan = randomPlan(random);
      let outcome = await run(plan);
      while (outcome === 'full') {
        refusals++;
        await new Promise((resolve) => setTimeout(resolve, 50));
        outcome = await run(plan);
      }
      outcomes[outcome]++;
      if (left % 50 === 0) peakBytes = Math.max(peakBytes, (await ledger()).residentBytes);
    }
  };
  await Promise.all(Array.from({ length: clientsAtOnce }, client));
  const isIdle = ({ sequences }: Ledger): boolean => Object.values(sequences).every((count) => count === 0);
  let after = await ledger();
  for (let tries = 0; tries < 500 && !isIdle(after); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    after = await ledger();
  }
  expect(isIdle(after)).toBe(true);
  expect(after.cache.map(({ owned }) => owned)).toEqual(blocks.map(() => 0));
  expect(after.cache.map(({ free, cached }) => free + cached)).toEqual(blocks);
  const held = after.entries.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(held).toBeLessThanOrEqual(after.limitBytes);
  expect(peakBytes).toBeLessThanOrEqual(after.limitBytes);
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(requestCount);
  expect(outcomes.whole).toBeGreaterThan(requestCount / 2);
  expect(refusals).toBeGreaterThan(0);
  expect(outcomes.left).toBeGreaterThan(requestCount / 20);
  server.child.kill('SIGTERM');
  expect(await server.ended()).toBe(0);
  expect(server.err()).not.toContain('internal-error');
}, 600_000);
