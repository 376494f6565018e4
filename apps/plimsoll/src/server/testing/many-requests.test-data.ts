/**
 * For tests: random requests to a server with a small memory limit, 32 at a time: streams, several answers, grammars,
 * shared beginnings, priorities, stops, malformed bodies, clients that leave and clients that read slowly. Every accepted
 * request gets its whole answer, the process stays within its limit, and at the end no sequence owns a block. The engine
 * counts every block again whenever it becomes idle, and stops if a count is wrong.
 */
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { ServedProcess } from '../../served-process.test-data.ts';

export const manyRequestsFlags = [
  '--memory',
  '420MiB',
  '--ctx',
  '512',
  '--max-seqs',
  '8',
  '--waiting-max',
  '20',
  '--quiet',
] as const;

const clientsAtOnce = 32;

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
    max_tokens: randomInteger(random, 6, 24),
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

/** Sends one request and checks its answer; `full` if the queue had no room. */
async function run(url: string, plan: Plan): Promise<Outcome | 'full'> {
  const controller = new AbortController();
  const { leavesAfter } = plan;
  const timer = leavesAfter === null ? undefined : setTimeout(() => controller.abort(), leavesAfter);
  try {
    const response = await fetch(url + plan.path, {
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
    if (response.status !== (plan.isMalformed ? 400 : 200)) throw unexpected(plan, response, text);
    if (plan.isMalformed) return 'malformed';
    const isStream = text.startsWith('data:');
    const isWhole = /"finish_reason":"(?:stop|length)"/.test(text);
    if (isWhole && (!isStream || text.endsWith('data: [DONE]\n\n'))) return 'whole';
    throw unexpected(plan, response, text);
  } catch (error) {
    if (controller.signal.aborted) return 'left';
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function unexpected({ path, body }: Plan, { status }: Response, text: string): Error {
  return new Error(`POST ${path} ${body}\n${status} ${text.slice(0, 2000)}`);
}

interface Ledger {
  readonly limitBytes: number;
  readonly residentBytes: number;
  readonly entries: readonly { readonly bytes: number }[];
  readonly cache: readonly { readonly owned: number; readonly free: number; readonly cached: number }[];
  readonly sequences: Readonly<Record<'waiting' | 'running' | 'paused', number>>;
}

async function readLedger(url: string): Promise<Ledger> {
  return (await fetch(`${url}/v1/ledger`)).json() as Promise<Ledger>;
}

export interface ManyRequestsReport {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Answers with status 429; their clients tried again. */
  readonly refusals: number;
  readonly peakBytes: number;
  readonly limitBytes: number;
  /** Rules that did not hold, one line each. */
  readonly problems: readonly string[];
}

export async function sendManyRequests(
  { url }: Pick<ServedProcess, 'url'>,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<ManyRequestsReport> {
  const random = seededRandom(seed);
  const outcomes: Record<Outcome, number> = { left: 0, whole: 0, malformed: 0 };
  let refusals = 0;
  const before = await readLedger(url);
  let peakBytes = before.residentBytes;
  let left = count;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const plan = randomPlan(random);
      let outcome = await run(url, plan);
      while (outcome === 'full') {
        refusals++;
        await new Promise((resolve) => setTimeout(resolve, 200));
        outcome = await run(url, plan);
      }
      outcomes[outcome]++;
      if (left % 50 === 0) peakBytes = Math.max(peakBytes, (await readLedger(url)).residentBytes);
    }
  };
  await Promise.all(Array.from({ length: clientsAtOnce }, client));
  const problems = problemsOf(before, await idleLedger(url));
  const { limitBytes } = before;
  if (peakBytes > limitBytes) problems.push(`${peakBytes} resident bytes, the limit is ${limitBytes}`);
  return { outcomes, refusals, peakBytes, limitBytes, problems };
}

/** Requests whose clients have left end within a step or two. */
async function idleLedger(url: string): Promise<Ledger> {
  let ledger = await readLedger(url);
  for (let tries = 0; tries < 500 && !isIdle(ledger); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    ledger = await readLedger(url);
  }
  return ledger;
}

function isIdle({ sequences }: Ledger): boolean {
  return Object.values(sequences).every((count) => count === 0);
}

function problemsOf(before: Ledger, after: Ledger): string[] {
  const problems: string[] = [];
  if (!isIdle(after)) problems.push(`requests are left: ${JSON.stringify(after.sequences)}`);
  for (const [index, { owned, free, cached }] of after.cache.entries()) {
    const {
      owned: ownedBefore = 0,
      free: freeBefore = 0,
      cached: cachedBefore = 0,
    } = before.cache[index] ?? {};
    const blocks = ownedBefore + freeBefore + cachedBefore;
    if (owned !== 0) problems.push(`${owned} blocks of group ${index} have owners`);
    if (free + cached !== blocks) problems.push(`${free + cached} of ${blocks} blocks are free or cached`);
  }
  const heldBytes = after.entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (heldBytes > after.limitBytes)
    problems.push(`the ledger holds ${heldBytes} of ${after.limitBytes} bytes`);
  return problems;
}
