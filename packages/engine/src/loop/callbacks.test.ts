/**
 * Every callback of a caller throws, at every point of a step at which the engine calls it. Its request ends with the
 * error; another request in the same steps and the next request get the right answer.
 */
import { join } from 'node:path';
import { defined, seconds } from '@plimsoll/foundation';
import { grammarFromJsonSchema } from '@plimsoll/text/grammar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine } from '../engine.ts';
import { openModel } from '../load/open-model.ts';
import type { GenerationRequest, OptionalTokenizer } from '../request/generation.ts';
import { engineParts } from '../start/create-engine.ts';
import { fixtureParts, fixturesDirectory, startFixture, steps } from './fixture-engine.test-data.ts';
import { KernelFailure } from './kernel-failure.ts';

const place = { name: 'llama-bias', file: 'f32.gguf' };
const prompt = [1, 72, 101, 108, 108, 111, 44, 32, 119, 111];
const plain: GenerationRequest = { prompt, maxTokens: 8, ignoreEnd: true, sampling: { temperature: 0 } };
const longer: GenerationRequest = { ...plain, prompt: [...prompt, 33, 34], maxTokens: 30 };

/** Throws at its `at`-th call, and counts calls. */
class Trap {
  calls = 0;
  readonly error = new Error('thrown by a callback');
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  spring(): void {
    this.calls++;
    if (this.calls === this.#at) throw this.error;
  }

  /** A proxy of the object that springs the trap at every access to a property. */
  around<Target extends object>(target: Target): Target {
    return new Proxy(target, {
      get: (inner, name) => {
        this.spring();
        const value: unknown = Reflect.get(inner, name, inner);
        return typeof value === 'function' ? value.bind(inner) : value;
      },
    });
  }
}

let tokenizer: OptionalTokenizer;
let engine: Engine;
let expected: readonly number[] | undefined;
beforeAll(async () => {
  const model = await openModel(join(fixturesDirectory, place.name, place.file));
  tokenizer = await model.loadTokenizer();
  engine = await startFixture(place, {}, { tokenizer });
  expected = (await engine.generate(longer)).choices[0]?.tokens;
});
afterAll(() => engine.close());

/**
 * Springs the trap at the first call, then at the second and so on, until a run has no such call. Returns the number.
 */
async function atEveryCall(
  run: (engine: Engine, trap: Trap) => Promise<unknown>,
  { on = engine, callsMax = 200 }: { readonly on?: Engine; readonly callsMax?: number } = {},
): Promise<number> {
  for (let at = 1; at <= callsMax; at++) {
    const trap = new Trap(at);
    const neighbour = on.generate(longer);
    const outcome = await run(on, trap).then(
      () => 'answered',
      (error: unknown) => error,
    );
    expect((await neighbour).choices[0]?.tokens).toEqual(expected);
    on.checkIntegrity();
    expect(on.occupancy.every(({ owned }) => owned === 0)).toBe(true);
    if (trap.calls < at) {
      expect(outcome).toBe('answered');
      return at - 1;
    }
    expect(outcome).toBe(trap.error);
  }
  return callsMax;
}

describe('a callback that throws ends only its own request', () => {
  test('the observer of logits', async () => {
    const sprung = await atEveryCall((on, trap) => on.observe(prompt, { score: () => trap.spring() }));
    expect(sprung).toBe(prompt.length);
  });

  test('the observer of hidden states', async () => {
    const layers = new Set([-1, 0, 1]);
    const sprung = await atEveryCall((on, trap) =>
      on.observe(prompt, { capture: { layers, take: () => trap.spring() } }),
    );
    expect(sprung).toBe(3);
  });

  test('the parameters of a sampler', async () => {
    const logitBias = new Map([[40, 0.5]]);
    const sprung = await atEveryCall((on, trap) =>
      on.generate({ ...plain, sampling: { temperature: 0, logitBias: trap.around(logitBias) } }),
    );
    expect(sprung).toBeGreaterThan(0);
  });

  test('a grammar', async () => {
    const grammar = grammarFromJsonSchema({ type: 'boolean' });
    const sprung = await atEveryCall((on, trap) =>
      on.generate({ ...plain, maxTokens: 20, ignoreEnd: false, grammar: trap.around(grammar) }),
    );
    expect(sprung).toBeGreaterThan(0);
  });

  test('a signal', async () => {
    const warnings: unknown[] = [];
    const parts = await fixtureParts(place, {}, { tokenizer });
    const other = new Engine({ ...parts, warn: (error) => warnings.push(error) });
    // The engine releases the signal after the end of the request, so this error can only be a warning.
    for (const [at, ends] of [
      [1, 'thrown'],
      [2, 'thrown'],
      [3, 'answered'],
    ] as const) {
      const trap = new Trap(at);
      const { signal } = new AbortController();
      const outcome = await other.generate({ ...plain, signal: trap.around(signal) }).then(
        () => 'answered',
        (error: unknown) => (error === trap.error ? 'thrown' : error),
      );
      expect([at, outcome, trap.calls]).toEqual([at, ends, at]);
    }
    expect(warnings).toHaveLength(1);
    expect((await other.generate(longer)).choices[0]?.tokens).toEqual(expected);
    await other.close();
  });

  test('an abort at every turn of a step', async () => {
    for (let turns = 0; turns < 30; turns++) {
      const controller = new AbortController();
      const doomed = engine
        .generate({ ...longer, signal: controller.signal })
        .catch((error: unknown) => error);
      const neighbour = engine.generate(longer);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      controller.abort('gone');
      expect(['gone', expected]).toContainEqual(
        await doomed.then((end) => (end === 'gone' ? end : expected)),
      );
      expect((await neighbour).choices[0]?.tokens).toEqual(expected);
    }
    engine.checkIntegrity();
  });

  test('a tokenizer of the caller', async () => {
    let trap = new Trap(0);
    const given = defined(tokenizer, 'the fixture has a tokenizer');
    const trapped = new Proxy(given, {
      get: (inner, name) => {
        if (name === 'tokenBytes' || name === 'decode') trap.spring();
        const value: unknown = Reflect.get(inner, name, inner);
        return typeof value === 'function' ? value.bind(inner) : value;
      },
    });
    const other = await startFixture(place, {}, { tokenizer: trapped });
    for (let at = 1; at < 12; at++) {
      trap = new Trap(at);
      const outcome = await other.generate(plain).catch((error: unknown) => error);
      if (trap.calls >= at) expect(outcome).toBe(trap.error);
      other.checkIntegrity();
    }
    trap = new Trap(0);
    expect((await other.generate(longer)).choices[0]?.tokens).toEqual(expected);
    await other.close();
  });

  test('a step listener is removed, and its error is reported', async () => {
    const warnings: unknown[] = [];
    const parts = await fixtureParts(place, {}, { tokenizer });
    const other = new Engine({ ...parts, warn: (error) => warnings.push(error) });
    const trap = new Trap(3);
    other.onStep(() => trap.spring());
    expect((await other.generate(longer)).choices[0]?.tokens).toEqual(expected);
    expect([trap.calls, warnings]).toEqual([3, [trap.error]]);
    await other.close();
  });

  test('the progress callback of loading: everything is freed', async () => {
    const trap = new Trap(1);
    const start = startFixture(place, {}, { onProgress: () => trap.spring() });
    await expect(start).rejects.toBe(trap.error);
  });

  test('a draft model whose sampler throws', async () => {
    const model = await openModel(join(fixturesDirectory, place.name, place.file));
    const other = await startFixture(place, {}, { draft: { model, tokens: 3 } });
    const logitBias = new Map([[40, 0.5]]);
    const sprung = await atEveryCall(
      (on, trap) =>
        on.generate({ ...plain, sampling: { temperature: 0, logitBias: trap.around(logitBias) } }),
      { on: other },
    );
    expect(sprung).toBeGreaterThan(0);
    await other.close();
  });
});

describe('a step that fails as a whole', () => {
  /** Starts an engine whose forward pass throws in the middle of its `at`-th step. */
  async function failing(at: number, error: unknown): Promise<Engine> {
    const parts = await fixtureParts(place, {}, { tokenizer });
    let calls = 0;
    const forward = new Proxy(parts.forward, {
      get: (inner, name) => {
        const value: unknown = Reflect.get(inner, name, inner);
        if (name !== 'inTurns') return typeof value === 'function' ? value.bind(inner) : value;
        return function* (...args: Parameters<typeof inner.inTurns>) {
          yield* inner.inTurns(...args);
          calls++;
          if (calls === at) throw error;
        };
      },
    });
    return new Engine({ ...parts, forward });
  }

  test('ends the requests in the step; the engine continues', async () => {
    for (const at of [1, 2, 5]) {
      const error = new Error('the step failed');
      const other = await failing(at, error);
      const doomed = await Promise.all(
        [plain, longer].map((request) => other.generate(request).catch((caught: unknown) => caught)),
      );
      expect(doomed).toEqual([error, error]);
      other.checkIntegrity();
      expect(other.metrics.abandonedSteps).toBe(1);
      expect((await other.generate(longer)).choices[0]?.tokens).toEqual(expected);
      await other.close();
      expect(other.ledger().entries).toEqual([]);
    }
  });

  test('closes the engine if a kernel trapped, and reports the cause', async () => {
    const cause = new WebAssembly.RuntimeError('memory access out of bounds');
    const other = await failing(3, new KernelFailure('a kernel stopped', { cause }));
    const doomed = await other.generate(longer).catch((caught: unknown) => caught);
    expect(doomed).toMatchObject({ code: 'engine-broken', cause });
    expect(() => other.submit(plain)).toThrow(expect.objectContaining({ code: 'engine-broken' }));
    await other.close();
    expect(other.ledger().entries).toEqual([]);
  });
});

describe('readers', () => {
  test('a slow reader pauses its own request, never the engine', async () => {
    const other = await startFixture(place, { contextMax: 512 }, { tokenizer });
    const slow = other.submit({ ...plain, maxTokens: 480 });
    const neighbour = await other.generate({ ...longer, maxTokens: 480 });
    expect(neighbour.usage.outputTokens).toBe(480);
    // The queue is full, and the engine sleeps.
    expect(slow.usage.outputTokens).toBe(256);
    const tokens: number[] = [];
    for await (const { token } of slow.pieces) if (token !== null) tokens.push(token);
    const alone = await other.generate({ ...plain, maxTokens: 480 });
    expect(tokens).toEqual(alone.choices[0]?.tokens);
    other.checkIntegrity();
    await other.close();
  });

  test('an abandoned stream frees its blocks; so does cancel, at once', async () => {
    for await (const _ of engine.generateStream(longer)) break;
    const request = engine.submit(longer);
    await steps(engine, 3);
    request.cancel('enough');
    expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
    await expect(request.done).rejects.toBe('enough');
    await expect(request.pieces.next()).rejects.toBe('enough');
    engine.checkIntegrity();
  });

  test('usage counts the request alone, whatever else runs', async () => {
    const other = await startFixture(place, {}, { tokenizer });
    const text = Array.from({ length: 48 }, (_, index) => 3 + ((index * 7) % 300));
    await other.generate({ ...plain, prompt: text });
    const [cached, fresh] = [
      other.submit({ ...plain, prompt: text }),
      other.submit({ ...plain, prompt: [9, 8, 7] }),
    ];
    for await (const _ of cached.pieces);
    for await (const _ of fresh.pieces);
    expect(await cached.done).toMatchObject({
      promptTokens: 48,
      cachedTokens: 32,
      outputTokens: 8,
      preemptions: 0,
    });
    const usage = await fresh.done;
    expect(usage).toMatchObject({ promptTokens: 3, cachedTokens: 0, outputTokens: 8 });
    expect(usage.finishedAt).toBeGreaterThanOrEqual(defined(usage.firstTokenAt, 'a first token'));
    await other.close();
  });
});

test('refuses a text that cannot fit by its size, before it is encoded', async () => {
  let encoded = 0;
  const given = defined(tokenizer, 'the fixture has a tokenizer');
  const counting = new Proxy(given, {
    get: (inner, name) => {
      if (name === 'encode') encoded++;
      const value: unknown = Reflect.get(inner, name, inner);
      return typeof value === 'function' ? value.bind(inner) : value;
    },
  });
  const other = await startFixture(place, {}, { tokenizer: counting });
  const text = 'a ship '.repeat(2e6);
  const refusal = { code: 'prompt-too-long', value: text.length };
  await expect(other.generate({ prompt: text })).rejects.toMatchObject(refusal);
  await expect(other.observe(text, {})).rejects.toMatchObject(refusal);
  expect(encoded).toBe(0);
  await other.close();
});

describe('the queue', () => {
  test('400 waiting requests stay within the planned memory', async () => {
    const other = await startFixture(place, { sequencesMax: 1, contextMax: 256 }, { tokenizer });
    const planned = defined(
      other.ledger().entries.find(({ tag }) => tag === 'waiting requests'),
      'the plan counts waiting requests',
    );
    const before = process.memoryUsage().heapUsed;
    const answers = Array.from({ length: 400 }, (_, index) =>
      other.generate({ ...plain, prompt: [...prompt, index % 200], maxTokens: 2 }),
    );
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(planned.bytes);
    await Promise.all(answers);
    other.checkIntegrity();
    await other.close();
  });

  test('a full queue refuses a request', async () => {
    const other = await startFixture(place, { sequencesMax: 1, waitingMax: 2 }, { tokenizer });
    const accepted = [other.generate(plain), other.generate(plain)];
    await expect(other.generate(plain)).rejects.toMatchObject({ code: 'queue-full', limit: 2 });
    await Promise.all(accepted);
    await other.close();
  });

  test('a request that waits too long fails with queued-too-long', async () => {
    let now = seconds(0);
    const clock = { now: () => now };
    const other = await startFixture(place, { sequencesMax: 1 }, { tokenizer, clock, queueSecondsMax: 5 });
    const first = other.generate(longer);
    const late = other.generate(plain).catch((error: unknown) => error);
    await steps(other, 1);
    now = seconds(6);
    expect(await late).toMatchObject({ code: 'queued-too-long', value: 6 });
    expect((await first).choices[0]?.tokens).toEqual(expected);
    other.checkIntegrity();
    await other.close();
  });
});

test('the caller can close parts that no engine took over', async () => {
  const model = await openModel(join(fixturesDirectory, place.name, place.file));
  const parts = await engineParts({ model, memoryBytes: 2 ** 29, options: { threads: 1, contextMax: 64 } });
  await parts.kernels.close();
  parts.hostBlocks.close();
  parts.memory.close();
  expect(parts.memory.ledger().entries).toEqual([]);
});
