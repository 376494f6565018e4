import { expect, test } from 'vitest';
import { ggufSpec } from '../../gguf-recipes/gguf-spec.ts';
import { model } from '../../test-models.ts';
import { conversionNotes } from './conversion-notes.ts';
import { planWeights } from './weight-storage.ts';

const small = model('HuggingFaceTB/SmolLM2-135M-Instruct');
const llama = model('meta-llama/Llama-3.1-8B-Instruct');

function notesOf(spec: typeof small, mixture: string): readonly string[] {
  return conversionNotes(planWeights(ggufSpec(spec, mixture)));
}

test('a file that the kernels read as it is needs no note', () => {
  // Rows of 576 columns are not whole super-blocks, so llama.cpp falls back to Q5_0 and Q8_0.
  for (const mixture of ['Q8_0', 'Q4_0', 'Q4_1', 'Q5_1', 'F16', 'Q4_K_M']) {
    expect(notesOf(small, mixture), mixture).toEqual([]);
  }
  expect(notesOf(llama, 'Q4_K_M')).toEqual([]);
});

test('a note names tensors that are held in a larger format, with their bytes and the reason', () => {
  expect(notesOf(small, 'IQ4_NL')).toMatchInlineSnapshot(`
    [
      "210 tensors stored as IQ4_NL are held as q8_0, 50.63 MiB more: no kernel reads IQ4_NL",
    ]
  `);
  expect(notesOf(llama, 'Q3_K_M')).toMatchInlineSnapshot(`
    [
      "129 tensors stored as Q3_K are held as q6_K, 1.80 GiB more: no kernel reads Q3_K",
    ]
  `);
});

test('a note names tensors that are held in a lower format to fit, with the saved bytes', () => {
  const spec = ggufSpec(llama, 'F16');
  const { bytes } = planWeights(spec);
  expect(conversionNotes(planWeights(spec, { budgetBytes: bytes / 2 }))).toMatchInlineSnapshot(`
    [
      "45 tensors stored as F16 are held as q8_0 to fit, 2.71 GiB less",
      "53 tensors stored as F16 are held as q4_0 to fit, 4.79 GiB less",
    ]
  `);
});
