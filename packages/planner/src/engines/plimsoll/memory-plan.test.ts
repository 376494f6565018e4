/** Tests the whole plan: regions, arenas, ledger, and the profile that prints it. */
import { bytes, formatBytes, GiB, MiB, PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diffLedgers, type LedgerEntry } from '../../bytes/ledger.ts';
import { contextMaxFor, neededBytes, usersMax } from '../../deployment/deployment.ts';
import { ggufSpec } from '../../gguf-recipes/gguf-spec.ts';
import { plan } from '../../plan.ts';
import { model, request, variedModels } from '../../test-models.ts';
import { prepare } from '../engines.ts';
import type { EngineMemoryPlan } from './engine-memory-plan.ts';
import { engineRequest } from './engine-request.ts';
import { planEngineMemory } from './memory-plan.ts';
import { admitEngineMemory } from './option-changes.ts';

function lines(entries: readonly LedgerEntry[]): string[] {
  return entries.map(
    ({ category, tag, tier, bytes }) => `${category} / ${tag} (${tier}) ${formatBytes(bytes)}`,
  );
}

/**
 * Checks that regions lie inside their arenas without overlaps, that every tensor has one, and that they sum to the
 * ledger.
 */
function checkRegions({ regions, storage, caches, ledger }: EngineMemoryPlan): void {
  const ordered = [...regions].sort((a, b) => a.arena - b.arena || a.offset - b.offset);
  ordered.forEach((region, index) => {
    const next = ordered[index + 1];
    const end = region.offset + region.bytes;
    expect(region.offset % 64).toBe(0);
    expect(end).toBeLessThanOrEqual(storage.arenaBytes[region.arena] ?? 0);
    if (next?.arena === region.arena) expect(end).toBeLessThanOrEqual(next.offset);
  });
  for (const size of storage.arenaBytes) {
    expect(size % 65_536).toBe(0);
    expect(size).toBeLessThanOrEqual(4 * GiB);
  }
  for (const place of [...storage.tensors, ...caches]) {
    const found = ordered.some(({ arena, offset }) => arena === place.arena && offset === place.offset);
    expect(found || ('bytes' in place && place.bytes === 0)).toBe(true);
  }
  const placed = regions.reduce((sum, region) => sum + region.bytes, 0);
  const counted = ledger.entries
    .filter(
      ({ tier, category, tag }) => tier === 'device' && category !== 'headroom' && tag !== 'arena rounding',
    )
    .reduce((sum, entry) => sum + entry.bytes, 0);
  expect(counted).toBe(placed);
}

test('regions do not overlap and sum to the ledger, for every kind of model', () => {
  for (const name of variedModels) {
    const spec = ggufSpec(model(name), 'Q4_K_M');
    // Hundreds of experts make tens of thousands of regions; the first and last two layers suffice.
    const layers = [...spec.layers.slice(0, 2), ...spec.layers.slice(-2)];
    const options = { contextMax: 2048, sequencesMax: 2 };
    const asked = { spec: { ...spec, layers }, freeBytes: 2000 * GiB, options };
    // A table of token ids chooses the experts of DeepSeek V4, and the engine reads no such table.
    if (name === 'deepseek-ai/DeepSeek-V4-Flash') {
      expect(() => planEngineMemory(asked)).toThrow(/ffn_gate_tid2eid.weight is stored as I32/);
      continue;
    }
    const found = planEngineMemory(asked);
    checkRegions(found);
    // Region names are unique if the names of the model's tensors are.
    const areUnique = layers.every(
      ({ tensors }) => new Set(tensors.map(({ name: own }) => own)).size === tensors.length,
    );
    if (areUnique)
      expect(new Set(found.regions.map((region) => region.name)).size).toBe(found.regions.length);
  }
});

test('the plan of an 8B model in 8 GiB', () => {
  const spec = ggufSpec(model('meta-llama/Llama-3.1-8B-Instruct'), 'Q4_K_M');
  const options = { contextMax: 8192, sequencesMax: 2, threads: 2 };
  const found = admitEngineMemory({ spec, freeBytes: 8 * GiB, options });
  expect(found.storage.arenaBytes.map((size) => formatBytes(size))).toMatchInlineSnapshot(`
    [
      "3.88 GiB",
      "2.92 GiB",
    ]
  `);
  expect(lines(found.ledger.entries)).toMatchInlineSnapshot(`
    [
      "runtime / kernel control (device) 128.00 KiB",
      "activations / step buffers (device) 0.20 GiB",
      "workspace / quantised activations (device) 32.59 MiB",
      "workspace / attention scratch (device) 226.00 KiB",
      "workspace / step tables (device) 536.25 KiB",
      "weights / embeddings (device) 0.28 GiB",
      "weights / attention (device) 0.72 GiB",
      "weights / norms (device) 1.02 MiB",
      "weights / mlp (device) 3.18 GiB",
      "kv-cache / full attention (device) 2.00 GiB",
      "weights / head (device) 0.40 GiB",
      "activations / head buffers (device) 1.03 MiB",
      "runtime / arena rounding (device) 19.69 KiB",
      "runtime / process (host) 0.16 GiB",
      "runtime / tokenizer (host) 93.94 MiB",
      "runtime / requests (host) 384.00 KiB",
      "runtime / waiting requests (host) 16.00 MiB",
      "runtime / kernel threads (host) 20.00 MiB",
      "workspace / sampling (host) 5.92 MiB",
    ]
  `);
  const held = found.ledger.entries.reduce((sum, entry) => sum + entry.bytes, 0);
  expect(held).toBeLessThanOrEqual(8 * GiB);
});

test('a request that does not fit is refused with the shortfall and the smallest changes, and each change works', () => {
  const spec = ggufSpec(model('meta-llama/Llama-3.1-8B-Instruct'), 'Q4_K_M');
  const options = { contextMax: 16_384, threads: 2 };
  const freeBytes = 6 * GiB;
  try {
    admitEngineMemory({ spec, freeBytes, options });
    expect.unreachable();
  } catch (error) {
    expect(error instanceof PlimsollError && error.toJSON()).toMatchInlineSnapshot(`
      {
        "code": "over-memory-budget",
        "hint": "--ctx 7424: limit the context to 7,424 tokens (needs 6.00 GiB); or --prefill-chunk 128 --kv-type q8_0: compute prompts in chunks of 128 tokens, and keep the KV cache in q8_0 (needs 5.99 GiB); or --memory 7264MiB",
        "limit": "6.00 GiB of memory",
        "message": "meta-llama/Llama-3.1-8B-Instruct with one sequence of 16k tokens needs 7.09 GiB; 6.00 GiB are allowed: 1.09 GiB short",
        "value": 7616856064,
      }
    `);
  }
  admitEngineMemory({ spec, freeBytes, options: { ...options, contextMax: 6912 } });
  admitEngineMemory({ spec, freeBytes, options: { ...options, kvFormat: 'q8_0', contextMax: 13_312 } });
  admitEngineMemory({ spec, freeBytes: 7306 * MiB, options });
});

test('a layer that no arena can hold is refused by name, for any amount of memory', () => {
  const spec = ggufSpec(model('meta-llama/Llama-3.1-8B-Instruct'), 'Q4_K_M');
  const options = { contextMax: 4096, arenaBytesMax: 128 * 2 ** 20, prefillChunkTokens: 16 };
  expect(() => admitEngineMemory({ spec, freeBytes: 100 * GiB, options })).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: embedding with its cache and the workspace of a step needs 0.28 GiB; an arena holds 0.13 GiB]`,
  );
});

const smallDraft = { spec: model('meta-llama/Llama-3.2-1B-Instruct'), tokens: 3 };

function ledgerOf(regions: EngineMemoryPlan['regions']): EngineMemoryPlan['ledger'] {
  const derivation = { formula: '', substituted: '', source: '' };
  return {
    entries: regions.map(({ category, tag, bytes: size }) => ({
      category,
      tag,
      tier: 'device',
      bytes: bytes(size),
      derivation,
    })),
  };
}

test('`plan --engine plimsoll` prints the ledger of the engine', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('meta-llama/Llama-3.1-8B-Instruct', 'google/gemma-3-12b-it', 'Qwen/Qwen3.5-4B'),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 16, max: 9000 }),
      fc.boolean(),
      (name, users, contextTokens, hasDraft) => {
        const asked = request({
          model: name,
          gpu: 'reference-cpu',
          engine: 'plimsoll',
          workload: { contextTokens, users },
        });
        const drafting = { ...asked, options: { draft: smallDraft } };
        const engine = planEngineMemory(engineRequest(hasDraft ? drafting : asked));
        expect(diffLedgers(plan(hasDraft ? drafting : asked).ledger, engine.ledger)).toEqual([]);
        expect(engine.ledger.entries.some(({ category }) => category === 'draft')).toBe(hasDraft);
        if (!hasDraft) expect(engine.draft).toBeNull();
        // The draft reads its plan like the plan of a model: whole regions without overlaps.
        else checkRegions({ ...engine, ...engine.draft, ledger: ledgerOf(engine.draft?.regions ?? []) });
      },
    ),
    { numRuns: 15 },
  );
});

test('a plan for several users counts the server: its own buffers, constrained output, its waiting requests', () => {
  const ledger = (users: number): readonly LedgerEntry[] =>
    plan(request({ gpu: 'reference-cpu', engine: 'plimsoll', workload: { contextTokens: 1024, users } }))
      .ledger.entries;
  const alone = lines(ledger(1));
  const added = ledger(2).filter(
    (entry) => entry.tier === 'host' && !alone.includes(lines([entry])[0] ?? ''),
  );
  expect(
    added.map((entry) => `${lines([entry])[0]} = ${entry.derivation.substituted}`),
  ).toMatchInlineSnapshot(`
    [
      "runtime / requests (host) 160.00 KiB = 2 x (65536 + 1,024 x 16)",
      "runtime / waiting requests (host) 10.00 MiB = 256 x 8192 + 524,288 x 16",
      "runtime / program (host) 80.00 MiB = 3 x 16,777,216 + 512 x 32,768 + 16 x 1,048,576",
      "runtime / output constraints (host) 103.83 MiB = 100663296 + 128,256 x 64",
    ]
  `);
});

test('plan and engine agree on what fits', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 5 * GiB, max: 12 * GiB }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 256, max: 16_384 }),
      fc.boolean(),
      (usableBytes, users, contextTokens, hasDraft) => {
        const asked = {
          ...request({
            gpu: 'reference-cpu',
            engine: 'plimsoll',
            workload: { contextTokens, users },
          }),
          options: hasDraft ? { draft: smallDraft } : {},
        };
        const memory = { ...asked.hardware.memory, usableBytes };
        const bounded = { ...asked, hardware: { ...asked.hardware, memory } };
        const deployment = prepare(bounded);
        const { budget } = planEngineMemory(engineRequest(bounded));
        const fits = neededBytes(deployment, users, contextTokens) <= deployment.poolBytes;
        expect(fits).toBe(budget.sequencesHeld === users);
        // The longest context and the most users of the deployment also fit.
        const longest = contextMaxFor(deployment, users);
        const most = usersMax(deployment, contextTokens);
        for (const [count, context] of [
          [users, longest],
          [most, contextTokens],
        ] as const) {
          if (count === 0 || context === 0) continue;
          const other = { ...bounded, workload: { users: count, contextTokens: context } };
          expect(planEngineMemory(engineRequest(other)).budget.sequencesHeld).toBe(count);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('the engine does not run on several devices', () => {
  const parallelism = { tensor: 2, pipeline: 1, data: 1, expertParallel: false };
  expect(() => prepare(request({ engine: 'plimsoll', parallelism }))).toThrowError('in one process');
});

test.each([
  ['fp16', 'f16'],
  ['q8_0', 'q8_0'],
  ['fp32', 'f32'],
] as const)('a cache in %s is printed as %s', (kvFormat, printed) => {
  expect(prepare(request({ engine: 'plimsoll', kvFormat })).formats.kvCache).toBe(printed);
});
