/**
 * Sizes of published files. bartowski/Qwen_Qwen3-1.7B-GGUF at dcb19155b962dbb6389f4691a982043a8e651022, made with llama.cpp
 * b5200; the checkpoint stores its tied head a second time, and the converter kept both.
 */
import { modelSpecFromConfig } from '@plimsoll/model-files';
import { resolveModel } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { ggufFileBytes, storedTensors } from './gguf-spec.ts';

const fileBytes: Readonly<Record<string, number>> = {
  IQ2_M: 828_885_408,
  IQ3_XXS: 888_064_416,
  IQ3_XS: 967_926_176,
  IQ3_M: 1_029_366_176,
  IQ4_XS: 1_175_689_632,
  IQ4_NL: 1_229_453_728,
  Q2_K: 879_896_992,
  Q2_K_L: 1_183_768_992,
  Q3_K_S: 1_000_956_320,
  Q3_K_M: 1_073_242_528,
  Q3_K_L: 1_137_205_664,
  Q3_K_XL: 1_409_474_976,
  Q4_1: 1_336_981_920,
  Q4_K_S: 1_235_220_896,
  Q4_K_M: 1_282_439_584,
  Q4_K_L: 1_513_382_304,
  Q5_K_S: 1_444_510_112,
  Q5_K_M: 1_471_805_856,
  Q5_K_L: 1_663_852_960,
  Q6_K: 1_673_007_520,
  Q6_K_L: 1_823_728_032,
  Q8_0: 2_165_039_520,
};

/** Metadata of these files: vocabulary, merges and the names of tensors. */
const headerBytes = 5_951_904;

test('the recipes give every published file to the byte, variants with wide embeddings among them', () => {
  const { config } = resolveModel('Qwen/Qwen3-1.7B');
  const spec = modelSpecFromConfig({ ...config, tie_word_embeddings: false });
  const planned = Object.keys(fileBytes).map((mixture) => [
    mixture,
    ggufFileBytes(spec, mixture) + headerBytes,
  ]);
  expect(Object.fromEntries(planned)).toEqual(fileBytes);
});

/**
 * Gigabytes on the card of bartowski/deepseek-ai_DeepSeek-V3-0324-GGUF, made with llama.cpp b4944 from the fp8 checkpoint:
 * latent attention is one matrix, as before April 2025.
 */
const deepseekGigabytes: Readonly<Record<string, number>> = {
  Q8_0: 713.29,
  Q6_K: 550.8,
  Q5_K_M: 475.4,
  Q5_K_S: 461.81,
  Q4_1: 419.94,
  Q4_K_M: 404.43,
};

test('files of an fp8 checkpoint have the printed sizes', () => {
  const spec = modelSpecFromConfig(resolveModel('deepseek-ai/DeepSeek-V3-0324').config);
  for (const [mixture, gigabytes] of Object.entries(deepseekGigabytes)) {
    const stored = storedTensors(spec, mixture, { absorbedMla: false });
    const planned = stored.reduce((sum, { bytes }) => sum + bytes, 0) / 1e9;
    expect(Math.abs(planned / gigabytes - 1), mixture).toBeLessThan(0.0005);
  }
});

test('Q4_X keeps the native 4-bit experts of Kimi K2 Thinking: 543.617 GiB on the card of ubergarm/Kimi-K2-Thinking-GGUF', () => {
  const spec = modelSpecFromConfig(resolveModel('moonshotai/Kimi-K2-Thinking').config);
  expect(Math.abs(ggufFileBytes(spec, 'Q4_X') / 2 ** 30 / 543.617 - 1)).toBeLessThan(0.0005);
});

test('files of StarCoder keep the second copy of its tied head', () => {
  const spec = modelSpecFromConfig(resolveModel('bigcode/starcoder').config);
  // A log of build 3892 prints 10769.63 MiB on Metal and 390.00 MiB for the embeddings of tokens and positions.
  const planned = ggufFileBytes(spec, 'Q5_K_M', { fusedCountsAsValue: false }) / 2 ** 20;
  expect(planned).toBeCloseTo(10769.63 + 390, 1);
});
