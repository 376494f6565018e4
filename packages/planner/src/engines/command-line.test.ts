import { engineFlags } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TranslatedLine, translateLine } from './command-line.ts';
import { engineFaces } from './engine-list.ts';

const engines = engineFaces.map((face) => ({ face, neutral: engineFlags(face.name) }));
const translated = (line: string): TranslatedLine => translateLine(line.split(' '), engines);

test('flags of an engine become our flags; flags that change no memory are left out', () => {
  expect(
    translated(
      'meta/model --max-model-len 8192 --tensor-parallel-size=2 --gpu_memory_utilization 0.8 --quantization awq_marlin ' +
        '--served-model-name one two --port 8000 --enforce-eager --disable-log-requests --kv-cache-dtype fp8',
    ),
  ).toMatchInlineSnapshot(`
    {
      "argv": [
        "meta/model",
        "--context",
        "8192",
        "--tp=2",
        "--utilization",
        "0.8",
        "--weights",
        "awq",
        "--enforce-eager",
        "--kv",
        "fp8",
      ],
      "leftOut": [
        "--served-model-name",
        "--port",
        "--disable-log-requests",
      ],
    }
  `);
  expect(
    translated('m.gguf -c 4096 -ngl 99 -fa -ctk q8_0 -np 4 --mlock -s 1 -ncmoe 3'),
  ).toMatchInlineSnapshot(`
    {
      "argv": [
        "m.gguf",
        "--context",
        "4096",
        "--ngl",
        "99",
        "--fa",
        "on",
        "--ctk",
        "q8_0",
        "--users",
        "4",
        "--n-cpu-moe",
        "3",
      ],
      "leftOut": [
        "--mlock",
        "-s",
      ],
    }
  `);
});

test('a flag with an optional value takes the next word only if that word is a value', () => {
  expect(translated('-fa off').argv).toEqual(['--fa', 'off']);
  expect(translated('-fa model').argv).toEqual(['--fa', 'on', 'model']);
  expect(translated('-fa').argv).toEqual(['--fa', 'on']);
});

test('a line of our own flags stays unchanged, for any values', () => {
  const word = fc.stringMatching(/^[\w./@]{1,12}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('--gpu', '--context', '--users'), word)), (pairs) => {
      const line = pairs.flat();
      expect(translateLine(line, engines)).toEqual({ argv: line, leftOut: [] });
    }),
  );
});

test('any words are read without an error, and no word is invented', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 12 }), { maxLength: 12 }), (words) => {
      const { argv, leftOut } = translateLine(words, engines);
      expect(argv.length + leftOut.length).toBeLessThanOrEqual(
        words.length +
          words.filter((word) => word === '-fa').length +
          words.filter((word) => word === '--fa' || word === '--flash-attn').length,
      );
    }),
  );
});

test('no flag is listed both as an option and as a flag that changes no memory', () => {
  for (const { face, neutral } of engines) {
    const own = [...Object.values(face.spellings).flat(), ...face.options.flatMap(({ flags }) => flags)];
    const idle = [...(neutral?.switches ?? []), ...(neutral?.options ?? []), ...(neutral?.lists ?? [])];
    expect(idle.filter((flag) => own.includes(flag))).toEqual([]);
    expect(new Set(idle).size).toBe(idle.length);
  }
});
