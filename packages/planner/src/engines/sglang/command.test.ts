/** Tests that the commands which plans for SGLang print are commands that the reader of pasted commands reads whole. */
import { engineFlags } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plan } from '../../plan.ts';
import { request } from '../../test-models.ts';
import { refusalOf } from '../engines.ts';
import { pastedEngines } from '../paste/pasted-engines.ts';
import { type CommandReading, readCommand } from '../paste/read-command.ts';
import type { SglangOptions } from './options.ts';

const engines = pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));
const read = (command: string): CommandReading => readCommand(command, engines);

const anyOptions: fc.Arbitrary<SglangOptions> = fc.record(
  {
    memFractionStatic: fc.constantFrom(0.7, 0.85, 0.9),
    chunkedPrefillSize: fc.constantFrom(2048, 4096, -1),
    maxRunningRequests: fc.integer({ min: 1, max: 512 }),
    maxTotalTokens: fc.constant(50_000),
    pageSize: fc.constantFrom(1, 16, 64),
    cudaGraphMaxBs: fc.constantFrom(8, 64),
  },
  { requiredKeys: [] },
);

test('a printed command is read whole, with the options of the plan', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('Qwen/Qwen3-30B-A3B', 'openai/gpt-oss-20b', 'deepseek-ai/DeepSeek-V2-Lite-Chat'),
      fc.constantFrom(1, 2, 4),
      fc.constantFrom('fp8', undefined),
      anyOptions,
      (name, tensor, kvFormat, options) => {
        const parallelism = { tensor, pipeline: 1, data: 1, expertParallel: false };
        const asked = request({ model: name, engine: 'sglang', parallelism, kvFormat, options });
        fc.pre(refusalOf(asked) === null);
        const { engine } = plan(asked);
        const { engine: readEngine, model, flags, leftOut, unknown } = read(engine.command ?? '');
        expect({ readEngine, model, leftOut, unknown }).toEqual({
          ...{ readEngine: 'sglang', model: name, leftOut: [], unknown: [] },
        });
        expect(flags.get('tp') ?? '1').toBe(String(tensor));
        for (const [flag, value] of [
          ['mem-fraction-static', options.memFractionStatic],
          ['chunked-prefill-size', options.chunkedPrefillSize],
          ['max-total-tokens', options.maxTotalTokens],
          ['page-size', options.pageSize],
        ] as const)
          if (value !== undefined) expect(flags.get(flag), engine.command ?? '').toBe(String(value));
      },
    ),
    { numRuns: 40 },
  );
});

test('commands of the documentation', () => {
  const textOf = (command: string): string => {
    const { engine, release, model, flags, leftOut } = read(command);
    const words = [...flags].map(([name, value]) => (value === null ? name : `${name}=${value}`));
    return `${engine}@${release} ${model}: ${words.join(' ')}; left out ${leftOut.join(' ')}`;
  };
  expect([
    textOf(
      'docker run --gpus all --shm-size 32g -p 30000:30000 lmsysorg/sglang:v0.5.9 python3 -m sglang.launch_server --model-path a/b --host 0.0.0.0 --tp 8 --dp 8 --enable-dp-attention',
    ),
    textOf('sglang serve --model-path a/b --mem-fraction-static 0.8 --trust-remote-code'),
  ]).toMatchInlineSnapshot(`
    [
      "sglang@0.5.9 a/b: tp=8 dp=8 enable-dp-attention context=0; left out --host",
      "sglang@null a/b: mem-fraction-static=0.8 context=0; left out --trust-remote-code",
    ]
  `);
});

test('the largest graph of a list is the limit of graphs, and neutral values change no memory', () => {
  const { flags, leftOut, unknown } = read(
    'sglang serve --model-path a/b --cuda-graph-bs 1 2 32 4 --tp 2 --cpu-offload-gb 0 --attn-cp-size=1',
  );
  expect([flags.get('cuda-graph-max-bs'), flags.get('tp'), leftOut, unknown]).toEqual([
    '32',
    '2',
    ['--cpu-offload-gb 0', '--attn-cp-size 1'],
    [],
  ]);
  expect(read('sglang serve --model-path a/b --cuda-graph-bs=8,16').flags.get('cuda-graph-max-bs')).toBe(
    '16',
  );
  expect(() => read('sglang serve --model-path a/b --cpu-offload-gb 8')).toThrow(
    '--cpu-offload-gb changes memory',
  );
});
