/**
 * Workloads that compare policies of the serving core, without a model: which share of the prompts the prefix cache
 * serves, and which share of the computed tokens a preemption throws away. Counts are exact and the same on every machine.
 */
import { assert, seconds } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { policies, Scheduler, type SequenceView, type ServingConfig } from '@plimsoll/serving';

export type Variant = Partial<ServingConfig>;

const blockSize = 16;
const poolTokens = 32_000;

function config(variant: Variant): ServingConfig {
  return {
    blockSize,
    groups: [{ name: 'full', blockCount: poolTokens / blockSize, window: null }],
    contextMax: 16_384,
    runningMax: 32,
    tokenBudget: 512,
    policy: policies.fcfs,
    ...variant,
  };
}

/** Tokens that no other text has at the same place. */
function textOf(text: number, start: number, length: number): number[] {
  return Array.from({ length }, (_, index) => 1000 * (text + 1) + ((start + index) % 997));
}

/** Runs all requests to their ends; `outputOf` is the length of each answer. Returns the number of steps. */
function finish(scheduler: Scheduler, outputOf: (sequence: SequenceView) => number): number {
  let steps = 0;
  while (scheduler.runningCount + scheduler.waitingCount > 0) {
    const plan = scheduler.step(seconds(steps++));
    const sampled = plan.entries.filter(({ samples }) => samples);
    scheduler.commit(
      sampled.map(({ sequence }) => {
        const output = sequence.tokens.length - sequence.promptLength + 1;
        const isLast = output >= outputOf(sequence);
        return { sequenceId: sequence.id, tokens: [7], ...(isLast && { finished: 'stop' as const }) };
      }),
      plan.now,
    );
  }
  scheduler.checkIntegrity();
  return steps;
}

/** Counts prompt tokens and the part that the cache served. */
class Chats {
  readonly scheduler: Scheduler;
  #asked = 0;
  #cached = 0;

  constructor(variant: Variant) {
    this.scheduler = new Scheduler(config(variant));
  }

  get hitShare(): number {
    return this.#cached / this.#asked;
  }

  /** Answers a prompt with `output` tokens. A later turn counts, the first prompt of a chat does not. */
  turn(prompt: readonly number[], output: number, counts: boolean): readonly number[] {
    const sequence = this.scheduler.submit({ prompt, outputTokensMax: output }, seconds(0));
    finish(this.scheduler, () => output);
    if (counts) {
      this.#asked += prompt.length;
      this.#cached += sequence.cachedTokens;
    }
    return sequence.tokens;
  }

  /** The texts take turns of 100 new tokens and 50 of output, after a first round that fills the cache. */
  takeTurns(texts: readonly (readonly number[])[], rounds: number, afterTurn?: () => void): void {
    const current = [...texts];
    for (let round = 0; round < rounds; round++) {
      for (const [session, text] of current.entries()) {
        const prompt = round === 0 ? text : [...text, ...textOf(session, text.length, 100)];
        current[session] = this.turn(prompt, 50, round > 0);
        afterTurn?.();
      }
    }
  }
}

/** Sessions of 3,000 tokens take turns. All of them begin with the same `sharedTokens` tokens. */
export function sessionsInTurn(sessions: number, sharedTokens: number, variant: Variant): number {
  const chats = new Chats(variant);
  const shared = textOf(500, 0, sharedTokens);
  const texts = Array.from({ length: sessions }, (_, session) => [
    ...shared,
    ...textOf(session, 0, 3000 - sharedTokens),
  ]);
  chats.takeTurns(texts, 6);
  return chats.hitShare;
}

/** Four sessions take turns, and between two turns prompts of 900 tokens come that never return. */
export function sessionsAmongSinglePrompts(singles: number, variant: Variant): number {
  const chats = new Chats(variant);
  const texts = Array.from({ length: 4 }, (_, session) => textOf(session, 0, 3000));
  let next = 1000;
  chats.takeTurns(texts, 8, () => {
    for (let single = 0; single < singles; single++) chats.turn(textOf(next++, 0, 900), 20, false);
  });
  return chats.hitShare;
}

/** Chats of 1 to 12 turns; at each time one of the `open` chats is chosen, recent ones more often. */
export function randomChats(open: number, variant: Variant): number {
  const random: Random = seededRandom(7);
  const chats = new Chats(variant);
  const texts: { id: number; tokens: readonly number[]; turnsLeft: number }[] = [];
  for (let turn = 0; turn < 400; turn++) {
    if (texts.length < open) {
      const tokens = textOf(turn, 0, randomInteger(random, 200, 3000));
      texts.push({
        id: turn,
        tokens: chats.turn(tokens, 50, false),
        turnsLeft: randomInteger(random, 0, 12),
      });
      continue;
    }
    const place = Math.floor(texts.length * Math.sqrt(random()));
    const chat = texts[place];
    assert(chat !== undefined, 'a chat is open');
    texts.splice(place, 1);
    if (chat.turnsLeft === 0) continue;
    const prompt = [...chat.tokens, ...textOf(chat.id, chat.tokens.length, randomInteger(random, 20, 300))];
    if (prompt.length > 12_000) continue;
    const tokens = chats.turn(prompt, randomInteger(random, 20, 200), true);
    texts.push({ ...chat, tokens, turnsLeft: chat.turnsLeft - 1 });
  }
  return chats.hitShare;
}

/** A pool with windows of 1,024 tokens; `windows` of them fit beside one running sequence. */
export function windowedSessions(sessions: number, windows: number, variant: Variant): number {
  const windowBlocks = 1024 / blockSize + 1;
  return sessionsInTurn(sessions, 0, {
    groups: [
      { name: 'full', blockCount: 8000, window: null },
      { name: 'sliding', blockCount: windows * windowBlocks + 97, window: 1024 },
    ],
    ...variant,
  });
}

export interface TightPool {
  readonly preemptions: number;
  /** Tokens computed twice per useful token. */
  readonly waste: number;
  readonly steps: number;
}

/** 32 requests at once in a pool that holds a share of them. Answers have 400 tokens, or 20 to 400. */
export function tightPool(share: number, answers: 'equal' | 'mixed', variant: Variant): TightPool {
  const random = seededRandom(11);
  const lengths = Array.from({ length: 32 }, () =>
    answers === 'equal' ? 400 : randomInteger(random, 20, 401),
  );
  const blockCount = Math.round((share * 32 * 500) / blockSize);
  const groups = [{ name: 'full', blockCount, window: null, hostBlockCount: 0 }];
  const scheduler = new Scheduler(config({ groups, ...variant }));
  for (let request = 0; request < 32; request++) {
    scheduler.submit({ prompt: textOf(request, 0, 100), outputTokensMax: 400 }, seconds(0));
  }
  const steps = finish(scheduler, ({ id }) => lengths[id] ?? 400);
  const { prefillTokens, decodeTokens, preemptions } = scheduler.metrics;
  const useful = lengths.reduce((sum, length) => sum + 100 + length - 1, 0);
  return { preemptions, waste: (prefillTokens + decodeTokens) / useful - 1, steps };
}
