import { expect, test } from 'vitest';
import { chooseModel, ggufModels, safetensorsModel } from './model-choice.ts';
import type { RepositoryFile } from './repository-files.ts';

function listed(...paths: readonly string[]): readonly RepositoryFile[] {
  return paths.map((path, index) => ({ path, sizeBytes: 100 + index, hash: 'a'.repeat(64) }));
}

function chosen(paths: readonly string[], variant: string | null): string | null {
  const { chosen: choice } = chooseModel(listed(...paths), variant);
  return choice === null ? null : choice.files.map(({ path }) => path).join(' ');
}

const usual = ['m-Q2_K.gguf', 'm-Q4_K_M.gguf', 'm-UD-Q4_K_M.gguf', 'm-IQ4_XS.gguf', 'm-Q8_0.gguf'];

test.each<[string, readonly string[], string | null, string | null]>([
  ['Q4_K_M without a name', usual, null, 'm-Q4_K_M.gguf'],
  ['else Q8_0', ['m-Q2_K.gguf', 'm-Q8_0.gguf'], null, 'm-Q8_0.gguf'],
  ['else the only file', ['m-Q2_K.gguf', 'mmproj-F16.gguf'], null, 'm-Q2_K.gguf'],
  ['several others', ['m-Q2_K.gguf', 'm-Q3_K_S.gguf'], null, null],
  [
    'two files in Q4_K_M, one in Q8_0',
    ['a-Q4_K_M.gguf', 'b-Q4_K_M.gguf', 'a-Q8_0.gguf'],
    null,
    'a-Q8_0.gguf',
  ],
  ['a name in any case', usual, 'q8_0', 'm-Q8_0.gguf'],
  ['a part of a name', usual, 'Q4_K', null],
  ['an end of a name', usual, 'K_M', null],
  ['a digit', usual, '0', null],
  ['the name with its prefix', usual, 'UD-Q4_K_M', 'm-UD-Q4_K_M.gguf'],
  ['another prefix', usual, 'Q4_XS', null],
  ['underscores', ['m_q4_k_m.gguf', 'm_q8_0.gguf'], 'Q4_K_M', 'm_q4_k_m.gguf'],
  ['dots', ['m.Q4_K_M.gguf', 'm.Q8_0.gguf'], 'Q8_0', 'm.Q8_0.gguf'],
  ['a folder', ['BF16/m.gguf', 'Q4_K_M/m.gguf'], 'BF16', 'BF16/m.gguf'],
  ['a path', usual, 'm-IQ4_XS.gguf', 'm-IQ4_XS.gguf'],
  [
    'all parts',
    ['Q8/m-Q8_0-00002-of-00002.gguf', 'Q8/m-Q8_0-00001-of-00002.gguf', 'm-Q2_K.gguf'],
    'Q8_0',
    'Q8/m-Q8_0-00001-of-00002.gguf Q8/m-Q8_0-00002-of-00002.gguf',
  ],
  ['a part that is missing', ['m-Q8_0-00001-of-00002.gguf', 'm-Q2_K.gguf'], 'Q8_0', null],
])('%s', (_, paths, variant, expected) => expect(chosen(paths, variant)).toBe(expected));

test('a checkpoint has its weights, tokenizer and template, and no other format', () => {
  const paths = [
    '.gitattributes',
    'README.md',
    'chat_template.jinja',
    'config.json',
    'consolidated.safetensors',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
    'onnx/model.onnx',
    'original/params.json',
    'pytorch_model.bin',
    'pytorch_model.bin.index.json',
    'tokenizer.json',
  ];
  expect(safetensorsModel(listed(...paths))?.files.map(({ path }) => path)).toEqual([
    'chat_template.jinja',
    'config.json',
    'model.safetensors.index.json',
    'tokenizer.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  ]);
  expect(safetensorsModel(listed('config.json', 'pytorch_model.bin'))).toBeNull();
});

test('labels are the quantisations of names', () => {
  const labels = ggufModels(listed(...usual, 'a/F16/b-MXFP4_MOE.gguf', 'plain.gguf')).map(
    ({ label }) => label,
  );
  expect(labels).toEqual(['Q2_K', 'Q4_K_M', 'UD-Q4_K_M', 'IQ4_XS', 'Q8_0', 'MXFP4_MOE', 'plain.gguf']);
});
