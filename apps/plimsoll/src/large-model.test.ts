/** Tests of memory and time that need a model of a billion weights. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, openModel } from '@plimsoll/engine';
import { defined, GiB, MiB } from '@plimsoll/foundation';
import { diffLedgers, formatDifference } from '@plimsoll/planner/ledger';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeHollowModel } from './hollow-model.test-data.ts';
import { outputSchemas } from './json-schemas.ts';
import { plimsoll } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-large-'));
const model = join(scratch, 'hollow-1b.gguf');
beforeAll(() => writeHollowModel(model, 'meta-llama/Llama-3.2-1B-Instruct', 'Q4_0'));
afterAll(() => rmSync(scratch, { recursive: true }));

function asJson(...args: readonly string[]): unknown {
  return JSON.parse(plimsoll([...args, '--json']).out);
}

/** A prompt that fills a chunk, so that every step buffer is written to its end. */
const flags = ['--ctx', '512', '--prefill-chunk', '64', '--threads', '2'];
const prompt = 'a ship '.repeat(40);

test('in the smallest sufficient memory the engine holds the plan, and the process stays below the limit', () => {
  const refused = outputSchemas.error.parse(asJson('run', model, prompt, '--memory', '300MiB', ...flags));
  expect(refused.error.code).toBe('over-memory-budget');
  const memory = ['--memory', `${Math.ceil(Number(refused.error.value) / MiB)}MiB`];
  const answer = outputSchemas.run.parse(
    asJson('run', model, prompt, '--raw', '-n', '3', '--temp', '0', ...memory, ...flags),
  );
  expect(answer.tokens.prompt).toBeGreaterThan(64);
  const planned = outputSchemas.plan.parse(
    asJson('plan', model, '--engine', 'plimsoll', ...memory, ...flags),
  );
  const named = ({ entries }: typeof planned.ledger) =>
    entries.map(({ category, tag, tier, bytes }) => `${category}/${tag} (${tier}) ${bytes}`).sort();
  expect(named(answer.memory.ledger)).toEqual(named(planned.ledger));
  const { limitBytes, heldBytes, peakResidentBytes, heapBytes } = answer.memory;
  expect(heldBytes).toBeLessThanOrEqual(limitBytes);
  expect(peakResidentBytes).toBeLessThanOrEqual(limitBytes);
  // The engine allocates only the staging entry of the host; the other entries are allowances for the process itself.
  const allocated = answer.memory.ledger.entries
    .filter(
      ({ tier, category }) => (tier === 'device' && category !== 'headroom') || category === 'workspace',
    )
    .reduce((sum, { bytes }) => sum + bytes, 0);
  expect(allocated).toBeGreaterThan(600 * MiB);
  expect(peakResidentBytes - allocated).toBeLessThan(150e6 + heapBytes);
});

test('the ledger of the engine equals its plan; an abort ends a long prompt in a fraction of its time', async () => {
  const options = { contextMax: 2048, threads: 2, prefillChunkTokens: 512 };
  const engine = await createEngine({
    model: await openModel(model),
    memoryBytes: 4 * GiB,
    options,
    tokenizer: null,
  });
  try {
    const plan = defined(engine.memory.adoptedPlan, 'an engine has a plan');
    expect(diffLedgers(plan.ledger, engine.ledger()).map(formatDifference)).toEqual([]);
    const controller = new AbortController();
    const long = Array.from({ length: 1500 }, (_, index) => index);
    const answer = engine.generate({ prompt: long, maxTokens: 1, signal: controller.signal });
    const left = answer.then(
      () => expect.unreachable('an aborted answer'),
      (error: unknown) => error,
    );
    while (engine.metrics.prefillTokens === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const abortedAt = performance.now();
    controller.abort('enough');
    expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
    expect(await left).toBe('enough');
    // About 100 ms on two idle cores, where 512 tokens take seconds. On a busy machine both take longer.
    expect(performance.now() - abortedAt).toBeLessThan(1500);
    engine.checkIntegrity();
  } finally {
    await engine.close();
  }
  expect(engine.ledger().entries).toEqual([]);
});
