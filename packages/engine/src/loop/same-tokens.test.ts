/**
 * However a token is computed, it is the same token: batched with others, in chunks of any size, on a shared prefix, in a
 * fork, after a preemption, as a draft that was verified, whoever made it, from weights in several arenas. The plain path
 * is one sequence at a time, without prefix cache and speculation, its prompt in one chunk.
 */
import { join } from 'node:path';
import { MiB, PlimsollError, type Random, randomInteger, seededRandom } from '@plimsoll/foundation';
import type { EngineOptions } from '@plimsoll/planner/engine-memory';
import { policies } from '@plimsoll/serving';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { openModel } from '../load/open-model.ts';
import type { GenerationRequest, GenerationResult } from '../request/generation.ts';
import type { DraftStart, EngineStart } from '../start/create-engine.ts';
import { eventLoopTurn } from './event-loop-turn.ts';
import { fixturesDirectory, startFixture } from './fixture-engine.test-data.ts';

/**
 * Drafts are of the same model in another format, which agrees most of the time, or of another, which hardly ever does.
 * They too have windows, experts and soft-caps of their own.
 *
 * Weights and cache hold floats: a sum in another order then differs in its last digits and nowhere else. Activations
 * that are quantised, and keys in f16, make a step of such a difference now and then, which is no defect.
 */
const places = [
  { name: 'llama-3', file: 'f16.gguf', drafts: ['llama-3/q4_0.gguf', 'llama-k-quants/q4_k.gguf'] },
  { name: 'mistral', file: 'checkpoint', drafts: ['mistral/f32.gguf', 'mixtral/f16.gguf'] },
  { name: 'gemma3', file: 'bf16.gguf', drafts: ['gemma3/bf16.gguf', 'gemma2/f32.gguf'] },
  { name: 'qwen3moe', file: 'f16.gguf', drafts: ['qwen3moe/f16.gguf', 'qwen3/f16.gguf'] },
  // Layers that read the cache of another, which several arenas part from them.
  {
    name: 'gemma4-layer-inputs',
    file: 'f32.gguf',
    drafts: ['gemma4-layer-inputs/f32.gguf', 'gemma4-dense/bf16.gguf'],
  },
  { name: 'gemma4-experts', file: 'f16.gguf', drafts: ['gemma4-experts/f16.gguf', 'gemma3/bf16.gguf'] },
] as const;
type Place = (typeof places)[number];

const plainEngines = new Map<Place, Promise<Engine>>();

function plainEngine(place: Place): Promise<Engine> {
  const options = { sequencesMax: 1, prefillChunkTokens: 256, kvFormat: 'fp32' } as const;
  const engine = plainEngines.get(place) ?? startFixture(place, options, { prefixCaching: false });
  plainEngines.set(place, engine);
  return engine;
}

afterAll(async () => {
  for (const engine of plainEngines.values()) await (await engine).close();
});

/** A chosen token, and by how much its logit leads the next. */
interface PlainToken {
  readonly token: number;
  readonly lead: number;
}

/** One list per choice, each computed as a request of its own. */
async function plainTokens(place: Place, request: GenerationRequest): Promise<PlainToken[][]> {
  const engine = await plainEngine(place);
  const answers: PlainToken[][] = [];
  for (let choice = 0; choice < (request.choices ?? 1); choice++) {
    const sampling = { ...request.sampling, seed: (request.sampling?.seed ?? 0) + choice, logprobs: 2 };
    const alone = { ...request, sampling, choices: 1, promptLookup: false, draftTokens: 0 };
    const { choices } = await engine.generate(alone);
    const { tokens = [], logprobs = [] } = choices[0] ?? {};
    answers.push(
      tokens.map((token, index) => {
        const [first, second] = logprobs[index]?.top ?? [];
        return { token, lead: (first?.logprob ?? 0) - (second?.logprob ?? 0) };
      }),
    );
  }
  return answers;
}

/** Equal, up to a place where the plain path itself had a tie, save for the last digits. */
async function expectPlainTokens(
  place: Place,
  request: GenerationRequest,
  result: GenerationResult,
): Promise<void> {
  const plain = await plainTokens(place, request);
  expect(result.choices.length).toBe(plain.length);
  for (const [choice, answer] of plain.entries()) {
    const tokens = result.choices[choice]?.tokens ?? [];
    const differs = answer.findIndex(({ token }, index) => token !== tokens[index]);
    const isTie = request.sampling?.temperature === 0 && (answer[differs]?.lead ?? 1) < 1e-4;
    if (differs < 0 || !isTie) expect([...tokens]).toEqual(answer.map(({ token }) => token));
  }
}

/** Prompts share beginnings, and repeat themselves, so that caches and drafts have something to find. */
function prompts(random: Random, vocabulary: number): readonly number[][] {
  const token = (): number => randomInteger(random, 3, vocabulary);
  const piece = Array.from({ length: randomInteger(random, 2, 12) }, token);
  const shared = Array.from({ length: randomInteger(random, 0, 60) }, token);
  return Array.from({ length: randomInteger(random, 1, 6) }, () => {
    const own = Array.from({ length: randomInteger(random, 1, 40) }, token);
    const repeated = random() < 0.5 ? [...piece, ...piece, ...piece] : [];
    return random() < 0.7 ? [...shared, ...own, ...repeated] : [...own, ...repeated];
  });
}

function requestOf(random: Random, prompt: readonly number[]): GenerationRequest {
  const isGreedy = random() < 0.85;
  return {
    prompt,
    maxTokens: randomInteger(random, 1, 24),
    ignoreEnd: true,
    choices: random() < 0.3 ? randomInteger(random, 1, 4) : 1,
    promptLookup: random() < 0.5 ? { draftTokensMax: randomInteger(random, 1, 7), matchTokensMin: 1 } : false,
    sampling: {
      temperature: isGreedy ? 0 : 0.7,
      seed: randomInteger(random, 0, 1000),
      repetitionPenalty: 1.05,
    },
  };
}

function optionsOf(random: Random): EngineOptions {
  return {
    kvFormat: 'fp32',
    sequencesMax: randomInteger(random, 3, 6),
    prefillChunkTokens: randomInteger(random, 1, 70),
    blockTokens: 8 * randomInteger(random, 1, 4),
    // A small share leaves too few blocks for everybody, so that sequences are preempted and computed anew.
    kvShare: random() < 0.4 ? 0.0001 : 1,
    contextMax: 200,
    threads: randomInteger(random, 1, 3),
    keepsWholeWindow: random() < 0.3,
  };
}

/** Steps that yield after so little work that requests come and go in the middle of them. */
function turnsOf(random: Random): Pick<EngineStart, 'turnMultiplyAdds'> {
  return random() < 0.5 ? { turnMultiplyAdds: randomInteger(random, 1, 200_000) } : {};
}

async function draftOf(random: Random, { drafts }: Place): Promise<DraftStart | undefined> {
  if (random() < 0.3) return undefined;
  const file = drafts[randomInteger(random, 0, drafts.length)] ?? drafts[0];
  return { model: await openModel(join(fixturesDirectory, file)), tokens: randomInteger(random, 1, 6) };
}

test('batched, chunked, shared, forked, preempted and speculative decoding give the tokens of the plain path', async () => {
  const totals = { forks: 0, accepted: 0, prefixHits: 0, copies: 0, draftedByModel: 0, acceptedOfModel: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.constantFrom(...places),
      async (seed, place) => {
        const random = seededRandom(seed);
        const draft = await draftOf(random, place);
        const engine = await startFixture(place, optionsOf(random), { draft, ...turnsOf(random) });
        try {
          const requests = prompts(random, engine.model.graph.vocabSize)
            .map((prompt) => requestOf(random, prompt))
            // What a draft has drawn is verified with other random numbers: the same chances, other tokens.
            .map((one) => (one.sampling?.temperature === 0 ? one : { ...one, draftTokens: 0 }));
          const results = await Promise.all(
            requests.map(async (request) => {
              const result = await engine.generate(request);
              engine.checkIntegrity();
              return { request, result };
            }),
          );
          for (const { request, result } of results) {
            await expectPlainTokens(place, request, result);
            for (const { speculation } of request.promptLookup === false ? result.choices : []) {
              totals.draftedByModel += speculation?.drafted ?? 0;
              totals.acceptedOfModel += speculation?.accepted ?? 0;
            }
          }
          const { metrics } = engine;
          totals.forks += metrics.forks;
          totals.accepted += metrics.acceptedTokens;
          totals.prefixHits += metrics.prefixHitTokens;
          totals.copies += metrics.copyOnWriteBlocks;
          expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
        } finally {
          await engine.close();
        }
      },
    ),
    { numRuns: 24 },
  );
  // Each of the ways was really taken.
  expect(
    Object.values(totals).every((count) => count > 0),
    JSON.stringify(totals),
  ).toBe(true);
});

test('requests that come and are aborted at any time leave others alone, and nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.constantFrom(...places),
      async (seed, place) => {
        const random = seededRandom(seed);
        const draft = await draftOf(random, place);
        const engine = await startFixture(place, optionsOf(random), { draft, ...turnsOf(random) });
        const requests = Array.from({ length: 8 }, () => {
          const [prompt = [3]] = prompts(random, engine.model.graph.vocabSize);
          return { ...requestOf(random, prompt), sampling: { temperature: 0 } };
        });
        let aborted = 0;
        const lives = requests.map(async (request) => {
          const arrival = randomInteger(random, 0, 12);
          const departure = random() < 0.5 ? randomInteger(random, 0, 20) : null;
          for (let turn = 0; turn < arrival; turn++) await eventLoopTurn();
          const controller = new AbortController();
          const answer = engine.generate({ ...request, signal: controller.signal });
          const outcome = answer.then(
            (result) => expectPlainTokens(place, request, result),
            (error: unknown) => {
              expect(error).toBe('gone');
              aborted++;
            },
          );
          for (let step = 0; departure !== null && step < departure; step++) {
            await eventLoopTurn();
            engine.checkIntegrity();
          }
          if (departure !== null) controller.abort('gone');
          engine.checkIntegrity();
          await outcome;
        });
        await Promise.all(lives);
        engine.checkIntegrity();
        expect(engine.metrics.aborted).toBeLessThanOrEqual(4 * aborted);
        expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
        await engine.close();
        expect(engine.ledger().entries).toEqual([]);
      },
    ),
    { numRuns: 10 },
  );
});

test('sequences that are preempted for want of blocks, and computed anew', async () => {
  // Mistral's layers all have windows, whose blocks are counted per sequence: none can be short of them.
  for (const place of places.filter(({ name }) => name !== 'mistral')) {
    // One full sequence fits, and no more.
    const options = { kvFormat: 'fp32', kvShare: 0.0001, contextMax: 160, blockTokens: 8 } as const;
    const engine = await startFixture(place, options);
    const requests = Array.from(
      { length: 4 },
      (_, index): GenerationRequest => ({
        prompt: Array.from({ length: 34 + index }, (_, token) => 5 + ((token * 37 + index * 11) % 250)),
        maxTokens: 60,
        ignoreEnd: true,
        sampling: { temperature: 0 },
      }),
    );
    const generate = async (request: GenerationRequest): Promise<void> => {
      await expectPlainTokens(place, request, await engine.generate(request));
    };
    await Promise.all(requests.map(generate));
    expect(engine.metrics.preemptions, place.name).toBeGreaterThan(0);
    engine.checkIntegrity();
    await engine.close();
  }
});

test('sequences whose blocks are spilled to host memory and come back', async () => {
  const totals = { spills: 0, restoredBlocks: 0 };
  for (const place of places.filter(({ name }) => name !== 'mistral')) {
    for (const withDraft of [false, true]) {
      const draft = withDraft
        ? { model: await openModel(join(fixturesDirectory, place.drafts[0])), tokens: 2 }
        : undefined;
      const small = { kvFormat: 'fp32', kvShare: 0.0001, contextMax: 160, blockTokens: 8 } as const;
      const options = { ...small, stagingBytes: 8 * MiB };
      const engine = await startFixture(place, options, { draft });
      const requests = Array.from(
        { length: 4 },
        (_, index): GenerationRequest => ({
          prompt: Array.from({ length: 34 + index }, (_, token) => 5 + ((token * 37 + index * 11) % 250)),
          maxTokens: 60,
          ignoreEnd: true,
          sampling: { temperature: 0 },
        }),
      );
      const generate = async (request: GenerationRequest): Promise<void> => {
        await expectPlainTokens(place, request, await engine.generate(request));
      };
      await Promise.all(requests.map(generate));
      for (const name of ['spills', 'restoredBlocks'] as const) totals[name] += engine.metrics[name];
      expect(engine.occupancy.every(({ owned, hostOwned }) => owned + hostOwned === 0)).toBe(true);
      engine.checkIntegrity();
      await engine.close();
      expect(engine.ledger().entries).toEqual([]);
    }
  }
  expect(totals.spills).toBeGreaterThan(10);
  expect(totals.restoredBlocks).toBeGreaterThan(20);
});

test('a policy that spills needs room for it, and room needs such a policy', async () => {
  const [place] = places;
  const spill = { ...policies.fcfs, preemption: 'spill' } as const;
  const code = { code: 'bad-engine-setting' };
  await expect(startFixture(place, {}, { policy: spill })).rejects.toMatchObject(code);
  const unused = startFixture(place, { stagingBytes: MiB }, { policy: policies.fcfs });
  await expect(unused).rejects.toMatchObject(code);
});

test('weights, caches and experts in several arenas', async () => {
  for (const place of places) {
    const request: GenerationRequest = {
      prompt: Array.from({ length: 50 }, (_, index) => 5 + ((index * 37) % 250)),
      maxTokens: 20,
      ignoreEnd: true,
      sampling: { temperature: 0 },
    };
    let mostArenas = 0;
    const plain = await plainEngine(place);
    const wholeBytes = plain.memory.adoptedPlan?.storage.arenaBytes[0] ?? 0;
    // Smaller and smaller ones, until a layer no longer fits into one.
    for (let bytes = wholeBytes; bytes > 0; bytes -= 65_536) {
      const engine = await startInArenas(place, bytes);
      if (engine === null) break;
      mostArenas = Math.max(mostArenas, engine.memory.adoptedPlan?.storage.arenaBytes.length ?? 0);
      await expectPlainTokens(place, request, await engine.generate(request));
      engine.checkIntegrity();
      await engine.close();
    }
    expect(mostArenas, place.name).toBeGreaterThan(3);
  }
});

async function startInArenas(place: Place, arenaBytesMax: number): Promise<Engine | null> {
  try {
    return await startFixture(place, { kvFormat: 'fp32', arenaBytesMax });
  } catch (error) {
    if (error instanceof PlimsollError && error.code === 'exceeds-arena') return null;
    throw error;
  }
}
