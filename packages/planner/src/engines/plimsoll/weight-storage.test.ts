/** Tests which weights keep their format, which are widened, and how far weights may shrink. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec, TensorSpec } from '@plimsoll/model-files/spec';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ggufSpec } from '../../gguf-recipes/gguf-spec.ts';
import { model } from '../../test-models.ts';
import { storageFormats } from './storage-format.ts';
import { planWeights, type StoredTensor, type WeightStorage } from './weight-storage.ts';

const llama = model('meta-llama/Llama-3.1-8B-Instruct');

/** One layer with the given tensors, and no tensors outside it. */
function specOf(tensors: readonly TensorSpec[], tiedEmbeddings = false): ModelSpec {
  const [first] = llama.layers;
  if (first === undefined) throw new Error('Llama has layers');
  return { ...llama, tiedEmbeddings, tensors: [], layers: [{ ...first, tensors }] };
}

function tensor(name: string, role: TensorSpec['role'], shape: readonly number[], type: string): TensorSpec {
  return { name, role, shape, stored: { type, bytes: 0 } };
}

function held({ layers }: WeightStorage): string[] {
  return (layers[0] ?? []).map(
    ({ name, format, layout, conversion, slices, sliceBytes }) =>
      `${name}: ${format} ${layout} ${conversion} ${slices} x ${sliceBytes}`,
  );
}

test('every kind of tensor is held in the best format that its kernels read', () => {
  const spec = specOf([
    tensor('q', 'attention-q', [10, 256], 'Q4_K'),
    tensor('k', 'attention-k', [8, 64], 'Q5_0'),
    tensor('v', 'attention-v', [8, 64], 'Q5_1'),
    tensor('down', 'mlp-down', [8, 256], 'Q3_K'),
    tensor('norm', 'norm', [256], 'BF16'),
    tensor('bias', 'attention-q', [10], 'F16'),
    tensor('router', 'router', [4, 256], 'Q8_0'),
    tensor('experts', 'expert-gate', [4, 10, 256], 'Q6_K'),
    tensor('conv', 'linear-conv', [6, 1, 4], 'F32'),
  ]);
  expect(held(planWeights(spec))).toMatchInlineSnapshot(`
    [
      "q: q4_K panels copy 1 x 2304",
      "k: q5_0 panels copy 1 x 352",
      "v: q5_1 panels copy 1 x 384",
      "down: q6_K panels widen 1 x 1680",
      "norm: f32 rows widen 1 x 1024",
      "bias: f32 rows widen 1 x 40",
      "router: f32 panels widen 1 x 8192",
      "experts: q6_K panels copy 4 x 3360",
      "conv: f32 rows copy 1 x 96",
    ]
  `);
});

test('a type without kernels is refused by name', () => {
  const spec = specOf([tensor('blk.0.ffn_up.weight', 'mlp-up', [8, 256], 'IQ2_XS')]);
  expect(() => planWeights(spec)).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: tensor blk.0.ffn_up.weight is stored as IQ2_XS, which the engine does not read]`,
  );
});

test('a file that the kernels read keeps its formats and bytes', () => {
  const spec = ggufSpec(llama, 'Q4_K_M');
  const storage = planWeights(spec);
  const fileBytes = [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)].reduce(
    (sum, { stored }) => sum + (stored?.bytes ?? 0),
    0,
  );
  expect(storage.bytes).toBe(fileBytes);
  expect(storage.downgraded).toBe(0);
});

test('the downgrade that saves the most bytes comes first, and no tensor goes below its floor', () => {
  const spec = specOf([
    tensor('norm', 'norm', [256], 'F32'),
    tensor('small', 'mlp-up', [64, 256], 'F16'),
    tensor('large', 'mlp-down', [512, 256], 'F16'),
    tensor('head', 'attention-v', [64, 256], 'F16'),
  ]);
  const best = planWeights(spec);
  const once = planWeights(spec, { budgetBytes: best.bytes - 1 });
  expect([once.downgraded, held(once)[2]]).toMatchInlineSnapshot(`
    [
      1,
      "large: q8_0 panels requantise 1 x 139264",
    ]
  `);
  const least = leastBytes(spec);
  expect(held(planWeights(spec, { budgetBytes: least }))).toMatchInlineSnapshot(`
    [
      "norm: f32 rows copy 1 x 1024",
      "small: q4_0 panels requantise 1 x 9216",
      "large: q4_0 panels requantise 1 x 73728",
      "head: q8_0 panels requantise 1 x 17408",
    ]
  `);
  expect(() => planWeights(spec, { budgetBytes: least - 1 })).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: the weights of meta-llama/Llama-3.1-8B-Instruct take 99.00 KiB in the lowest formats that their kinds allow: 1 B over the budget]`,
  );
});

/** Returns the least bytes, which the refusal of an impossible budget states. */
function leastBytes(spec: ModelSpec): number {
  try {
    planWeights(spec, { budgetBytes: 0 });
    throw new Error('no model fits in 0 bytes');
  } catch (error) {
    if (error instanceof PlimsollError && typeof error.value === 'number') return error.value;
    throw error;
  }
}

test('any budget between the least and the best is met without unneeded downgrades', () => {
  const spec = ggufSpec(llama, 'F16');
  const best = planWeights(spec).bytes;
  const least = leastBytes(spec);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const budgetBytes = Math.ceil(least + share * (best - least));
      const storage = planWeights(spec, { budgetBytes });
      expect(storage.bytes).toBeLessThanOrEqual(budgetBytes);
      expect(storage.bytes).toBe(sumOf(storage));
      // The largest single step is the head or a feed-forward matrix, from f16 to q8_0.
      expect(storage.bytes).toBeGreaterThan(budgetBytes - 600 * 2 ** 20);
      for (const tensors of storage.layers) for (const each of tensors) expectAboveFloor(each);
    }),
    { numRuns: 15 },
  );
});

function sumOf({ outer, layers }: WeightStorage): number {
  return [outer, ...layers].flat().reduce((sum, each) => sum + each.slices * each.sliceBytes, 0);
}

function expectAboveFloor({ role, format }: StoredTensor): void {
  const rank = storageFormats.indexOf(format);
  if (role === 'norm') expect(format).toBe('f32');
  if (role === 'attention-v') expect(rank).toBeLessThanOrEqual(storageFormats.indexOf('q8_0'));
}
