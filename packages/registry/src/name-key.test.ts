import fc from 'fast-check';
import { expect, test } from 'vitest';
import { looseKey, nameKey, withMemoryLast, withoutNoise } from './name-key.ts';

test('spellings of one name have one key', () => {
  const groups = [
    ['H100 SXM 80GB', 'h100-sxm-80gb', 'H100_SXM_80GiB', 'h100sxm80gb', 'H100/SXM 80 GB'],
    [
      'meta-llama/Llama-3.1-8B',
      'META-LLAMA/LLAMA_3.1_8B',
      'meta-llama--Llama-3.1-8B',
      'metallama llama 3.1:8b',
    ],
    ['RTX-4090', 'rtx 4090', 'RTX4090'],
  ];
  expect(groups.map((names) => [...new Set(names.map(nameKey))])).toMatchInlineSnapshot(`
    [
      [
        "h100sxm80gb",
      ],
      [
        "metallamallama3.1-8b",
      ],
      [
        "rtx4090",
      ],
    ]
  `);
});

test('marks between digits tell names apart', () => {
  expect(nameKey('gemma-2-2b')).not.toBe(nameKey('gemma-22b'));
  expect(nameKey('qwen3-8b')).not.toBe(nameKey('qwen3.8b'));
  expect(looseKey(nameKey('llama-3.1-8b'))).toBe(looseKey(nameKey('llama31-8b')));
});

test('a key is its own key', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => nameKey(nameKey(text)) === nameKey(text)));
});

test('noise goes, the model stays', () => {
  expect(
    [
      'NVIDIA GeForce RTX 4090',
      'AMD Instinct MI300X 192GB HBM3',
      'Radeon 8060S gfx1151 (80 GiB GTT pool)',
      'NVIDIA',
    ].map(withoutNoise),
  ).toEqual(['RTX 4090', 'MI300X 192GB', '8060S 80 GiB', 'NVIDIA']);
  expect(withMemoryLast('B200 180GB SXM')).toBe('B200 SXM 180GB');
});
