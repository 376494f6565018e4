/** Properties that hold for every model, engine and device. */
import { MiB } from '@plimsoll/foundation';
import { listHardware, listModels, resolveHardware } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kvFormatNames } from './bytes/kv-format.ts';
import { weightFormat } from './bytes/weight-format.ts';
import { deviceWeights, stageWeights } from './bytes/weights.ts';
import { contextMaxFor, fixedDeviceBytes, neededBytes, solve, usersMax } from './deployment/deployment.ts';
import { engineNames } from './engines/engine-list.ts';
import { prepare, prepareIfPossible, refusalOf } from './engines/engines.ts';
import { plan } from './plan.ts';
import { model, request, variedModels } from './test-models.ts';

const anyModel = fc.constantFrom(...variedModels);
const anyEngine = fc.constantFrom(...engineNames);
const anyGpu = fc.constantFrom('h100', 'rtx-4090', 'rtx-3060', 'mi300x', 'b200', 't4');
const tokens = fc.integer({ min: 1, max: 16_384 });
const users = fc.integer({ min: 1, max: 64 });
/** A question that the engine answers: a model on a device under an engine, for a number of users with a context. */
const anyQuestion = fc
  .record({ name: anyModel, engine: anyEngine, gpu: anyGpu, context: tokens, count: users })
  .filter(({ name, engine, gpu }) => refusalOf(request({ model: name, engine, gpu })) === null);
const single = { tensor: 1, pipeline: 1, data: 1, expertParallel: false };

test('bytes are never negative and never fall when context or users grow', () => {
  fc.assert(
    fc.property(anyQuestion, ({ name, engine, gpu, context, count }) => {
      const deployment = prepare(
        request({ model: name, engine, gpu, workload: { contextTokens: context, users: count } }),
      );
      for (const entry of deployment.fixed) expect(entry.bytes).toBeGreaterThanOrEqual(0);
      const needed = neededBytes(deployment, count, context);
      expect(needed).toBeGreaterThanOrEqual(0);
      // llama.cpp packs the graph of each shape separately: a larger shape may need some MiB less. Caches never shrink.
      const slack = engine === 'llama.cpp' ? 32 * MiB : 0;
      expect(neededBytes(deployment, count, context + 1)).toBeGreaterThanOrEqual(needed - slack);
      expect(neededBytes(deployment, count + 1, context)).toBeGreaterThanOrEqual(needed - slack);
      expect(deployment.sequenceBytes(context + 1)).toBeGreaterThanOrEqual(deployment.sequenceBytes(context));
    }),
    { numRuns: 100 },
  );
});

test('a wider cache type never takes fewer bytes', () => {
  const widths = { fp32: 4, bf16: 2, fp16: 2, fp8: 1 } as const;
  fc.assert(
    fc.property(anyModel, tokens, (name, context) => {
      const cache = (kvFormat: keyof typeof widths): number =>
        prepare(request({ model: name, kvFormat })).sequenceBytes(context);
      expect(cache('fp32')).toBeGreaterThanOrEqual(cache('bf16'));
      expect(cache('bf16')).toBeGreaterThanOrEqual(cache('fp8'));
      expect(cache('bf16')).toBe(cache('fp16'));
    }),
    { numRuns: 60 },
  );
  expect(kvFormatNames).toContain('q8_0');
});

test('the boundary is exact: the most users fit and one more does not', () => {
  fc.assert(
    fc.property(anyQuestion, ({ name, engine, gpu, context, count }) => {
      const deployment = prepare(
        request({ model: name, engine, gpu, workload: { contextTokens: context, users: count } }),
      );
      const most = usersMax(deployment, context);
      if (most > 0) expect(neededBytes(deployment, most, context)).toBeLessThanOrEqual(deployment.poolBytes);
      if (
        most < deployment.sequencesMax &&
        Number.isFinite(most) &&
        deployment.sequenceBytes(context) > 0 &&
        context <= deployment.contextMax
      ) {
        expect(neededBytes(deployment, most + 1, context)).toBeGreaterThan(deployment.poolBytes);
      }
      const longest = contextMaxFor(deployment, count);
      if (longest > 0)
        expect(neededBytes(deployment, count, longest)).toBeLessThanOrEqual(deployment.poolBytes);
      if (longest > 0 && longest < deployment.contextMax) {
        expect(neededBytes(deployment, count, longest + 1)).toBeGreaterThan(deployment.poolBytes);
      }
    }),
    { numRuns: 40 },
  );
});

test('tensor-parallel shards sum to the whole plus the replicated tensors', () => {
  for (const name of variedModels) {
    const spec = model(name);
    const format = weightFormat(spec);
    const whole = deviceWeights(spec, format, single).bytes;
    for (const tensor of [2, 4, 8]) {
      const sharded = deviceWeights(spec, format, { ...single, tensor }).bytes * tensor;
      expect(sharded, `${name} tp ${tensor}`).toBeGreaterThanOrEqual(whole * 0.999_999);
      // Norms, routers, latent projections and copied kv heads are replicated: a small part of any model.
      expect(sharded, `${name} tp ${tensor}`).toBeLessThan(whole * 1.35);
    }
  }
});

test('the two shards of a plain model sum to the model plus a second copy of its norms', () => {
  const spec = model('meta-llama/Llama-3.1-8B-Instruct');
  const format = weightFormat(spec);
  const whole = deviceWeights(spec, format, single);
  const half = deviceWeights(spec, format, { ...single, tensor: 2 });
  const norms = whole.byTag.get('norms')?.bytes ?? 0;
  expect(half.bytes * 2).toBe(whole.bytes + norms);
});

test('pipeline stages sum to the whole, plus a second embedding if the head is tied to it', () => {
  for (const name of variedModels) {
    const spec = model(name);
    const format = weightFormat(spec);
    const whole = deviceWeights(spec, format, single).bytes;
    const stages = stageWeights(spec, format, { ...single, pipeline: 2 });
    const embedding = deviceWeights(spec, format, single).byTag.get('embeddings')?.bytes ?? 0;
    const sum = stages.reduce((total, stage) => total + stage.bytes, 0);
    const copies = spec.tiedEmbeddings ? embedding : 0;
    expect(Math.abs(sum - whole - copies), name).toBeLessThan(whole * 1e-4);
  }
});

test('more devices never leave less room per device', () => {
  fc.assert(
    fc.property(
      anyModel,
      fc.constantFrom('none' as const, 'vllm' as const),
      tokens,
      (name, engine, context) => {
        const pool = (tensor: number): number =>
          prepare(
            request({
              model: name,
              engine,
              gpu: 'h100-pcie',
              parallelism: { ...single, tensor },
              workload: { contextTokens: context, users: 1 },
            }),
          ).poolBytes;
        expect(pool(2)).toBeGreaterThanOrEqual(pool(1));
        expect(pool(4)).toBeGreaterThanOrEqual(pool(2));
      },
    ),
    { numRuns: 40 },
  );
});

test('refusalOf returns the error that prepare throws', () => {
  const orNull = <Value>(value: Value): fc.Arbitrary<Value | undefined> => fc.constantFrom(undefined, value);
  let refused = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...engineNames),
      fc.constantFrom(...variedModels),
      fc.constantFrom(undefined, 'fp8', 'bf16', 'Q4_K_M', 'IQ2_XXS', 'MXFP4_MOE', 'q9_9'),
      fc.record({
        gpu: fc.constantFrom('h100', 'apple-m2-ultra-76-core', 'rtx-4090'),
        kvFormat: fc.constantFrom(undefined, ...kvFormatNames),
        tensor: fc.constantFrom(1, 2, 3),
        engineVersion: orNull('nightly'),
        flashAttention: orNull(false),
      }),
      (engine, model, weights, { gpu, kvFormat, tensor, engineVersion, flashAttention }) => {
        const parallelism = { ...single, tensor };
        const options = { flashAttention };
        const asked = request({
          ...{ engine, model, gpu, weights, kvFormat, parallelism, engineVersion, options },
        });
        const refusal = refusalOf(asked);
        if (refusal !== null) refused++;
        let thrown: unknown = null;
        try {
          prepare(asked);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toEqual(refusal);
      },
    ),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(10);
});

test('every device of the registry has a plan with finite numbers', () => {
  for (const row of listHardware()) {
    for (const engine of engineNames) {
      const deployment = prepareIfPossible(request({ gpu: row.id, engine }));
      // vLLM and our own engine refuse some devices; the other profiles plan for every device.
      if (deployment === null) expect(['vllm', 'sglang', 'tensorrt-llm', 'plimsoll']).toContain(engine);
      if (deployment === null) continue;
      const solution = solve(deployment, { contextTokens: 2048, users: 1 });
      for (const [field, value] of Object.entries(solution)) {
        if (typeof value === 'number')
          expect(Number.isFinite(value), `${row.id} ${engine} ${field}`).toBe(true);
      }
      expect(solution.totalBytes, row.id).toBeGreaterThan(0);
    }
  }
});

test('every model of the registry can be split over two devices, or the split is refused with a reason', () => {
  for (const { id } of listModels()) {
    for (const engine of ['none', 'vllm'] as const) {
      const whole = prepareIfPossible(request({ model: id, gpu: 'b200', engine }));
      const split = prepareIfPossible(
        request({ model: id, gpu: 'b200', engine, parallelism: { ...single, tensor: 2 } }),
      );
      if (whole === null || split === null) continue;
      expect(split.weightBytes, `${id} ${engine}`).toBeLessThan(whole.weightBytes);
      expect(split.weightBytes, `${id} ${engine}`).toBeGreaterThan(whole.weightBytes * 0.45);
    }
  }
});

test('fixed bytes and pool sum to the capacity under every engine that uses all memory', () => {
  for (const engine of ['none', 'vllm'] as const) {
    const deployment = prepare(request({ engine }));
    const rest = deployment.capacityBytes - fixedDeviceBytes(deployment.fixed);
    // vLLM rounds its pool down to whole blocks.
    expect(rest - deployment.poolBytes).toBeGreaterThanOrEqual(0);
    expect(rest - deployment.poolBytes).toBeLessThan(engine === 'none' ? 1 : 16 * 131_072);
  }
  expect(resolveHardware('h100').memory.usableBytes).toBe(prepare(request({})).capacityBytes);
});

test('a plan names the parts of the model that it does not count', () => {
  const asked = request({});
  const notesOf = (notModelled: readonly string[]): readonly string[] =>
    plan({ ...asked, spec: { ...asked.spec, notModelled } }).notes;
  expect(notesOf([])).toEqual([]);
  expect(notesOf(['rotor_count'])).toEqual(['not modelled, so their bytes are not counted: rotor_count']);
  const many = Array.from({ length: 7 }, (_, index) => `blk.*.part${index}.${'x'.repeat(100)}`);
  const [note = ''] = notesOf(many);
  expect(note).toMatch(/part4\.x{48} and 2 more$/);
});
