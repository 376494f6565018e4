/**
 * Every way to compute a token gives the same token: in a batch, in chunks of any size, on a shared prefix, in a fork,
 * after a preemption, as a verified draft of any drafter, from weights in several arenas. The plain path computes one
 * sequence at a time, without prefix cache and speculation, with the prompt in one chunk.
 */
import { join } from 'node:path';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
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
 * The draft model is the same model in another format, which agrees most of the time, or another model, which hardly
 * ever agrees. Draft models also have windows, experts and soft-caps.
 *
 * Weights and cache are f32, so a sum in another order differs only in its last digits. Quantised activations and f16
 * keys would sometimes enlarge such a difference to a quantisation step, which is not a defect.
 */
const places = [
  { name: 'llama-3', file: 'f16.gguf', drafts: ['llama-3/q4_0.gguf', 'llama-k-quants/q4_k.gguf'] },
  { name: 'mistral', file: 'checkpoint', drafts: ['mistral/f32.gguf', 'mixtral/f16.gguf'] },
  { name: 'gemma3', file: 'bf16.gguf', drafts: ['gemma3/bf16.gguf', 'gemma2/f32.gguf'] },
  { name: 'qwen3moe', file: 'f16.gguf', drafts: ['qwen3moe/f16.gguf', 'qwen3/f16.gguf'] },
  // Layers read the cache of another layer, which lies in another arena if there are several.
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

/** A chosen token, and the lead of its logit over the second. */
interface PlainToken {
  readonly token: number;
  readonly lead: number;
}

/** One list per choice; each is computed as a separate request. */
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

/** Expects equal tokens up to a place where two logits of the plain path are equal except for the last digits. */
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

/** Prompts share beginnings and contain repeats, so that prefix cache and prompt lookup find matches. */
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
    // A small share leaves too few blocks for all sequences, so that some are preempted and computed again.
    kvShare: random() < 0.4 ? 0.0001 : 1,
    contextMax: 200,
    threads: randomInteger(random, 1, 3),
    keepsWholeWindow: random() < 0.3,
  };
}

/** Steps yield after little work, so that requests start and end in the middle of a step. */
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
            // A sampled draft is verified with other random numbers: the same probabilities, other tokens.
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
  // The run used every one of these ways.
  expect(
    Object.values(totals).every((count) => count > 0),
    JSON.stringify(totals),
  ).toBe(true);
});

test('requests that start and abort at any time do not affect others, and leave nothing behind', async () => {
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

/** After an answer of two tokens the engine expects short answers, and admits more sequences than can finish. */
async function expectShortAnswers(engine: Engine): Promise<void> {
  await engine.generate({ prompt: [5, 6, 7], maxTokens: 2, ignoreEnd: true });
}

test('sequences that are preempted because blocks run out, and computed again', async () => {
  // All layers of Mistral have windows, whose blocks are reserved per sequence, so they never run out.
  for (const place of places.filter(({ name }) => name !== 'mistral')) {
    // Only one full sequence fits.
    const options = { kvFormat: 'fp32', kvShare: 0.0001, contextMax: 160, blockTokens: 8 } as const;
    const engine = await startFixture(place, options);
    await expectShortAnswers(engine);
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

test('sequences whose blocks are spilled to host memory and restored', async () => {
  const totals = { spills: 0, restoredBlocks: 0 };
  for (const place of places.filter(({ name }) => name !== 'mistral')) {
    for (const withDraft of [false, true]) {
      const draft = withDraft
        ? { model: await openModel(join(fixturesDirectory, place.drafts[0])), tokens: 2 }
        : undefined;
      const small = { kvFormat: 'fp32', kvShare: 0.0001, contextMax: 160, blockTokens: 8 } as const;
      const options = { ...small, stagingBytes: 8 * MiB };
      const engine = await startFixture(place, options, { draft });
      await expectShortAnswers(engine);
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

test('a policy that spills needs a host pool, and a host pool needs such a policy', async () => {
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
    // The arenas get smaller until a layer no longer fits into one.
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
