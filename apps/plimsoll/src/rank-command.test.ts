/** `plimsoll rank` as people and pipes use it. */
import { describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { type Outcome, plimsoll } from './program.test-data.ts';

function rank(...args: readonly string[]): Outcome {
  return plimsoll(['rank', ...args]);
}

type Ranking = ReturnType<typeof outputSchemas.rank.parse>;

function ranking(...args: readonly string[]): Ranking {
  const { out, err } = rank(...args, '--json');
  expect(err).toBe('');
  return outputSchemas.rank.parse(JSON.parse(out));
}

const asked = ['Qwen/Qwen3-32B', '--users', '16', '--context', '16k'];

test('the answer, its command, what is dearer, what has no price, what does not serve', () => {
  const { code, out } = rank(...asked, '--gpu', 'l40s,h100,h20,rtx-3060-12gb,oura-ring', '--max-tpot', '60');
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "Qwen/Qwen3-32B for 16 users x 16k tokens, at most 60 ms per token

    TAKE 8 x NVIDIA GeForce RTX 3060 12GB: $1.12 per hour, $0.99 per million output tokens at this load (prompts not counted)
      vLLM, tp8, weights modelopt fp8, KV cache fp8; 21 users at most
      about 51 ms per token, 11 s to the first token on idle devices

    Run it:
      vllm serve Qwen/Qwen3-32B-FP8-Static-PerTensor --max-model-len 16384 --gpu-memory-utilization 0.92 --tensor-parallel-size 8

    Dearer:
    hardware                  $/hour  $/M out  per token  first  users  engine, layout  weights       KV   why not
    2 x NVIDIA L40S 48GB        2.18     2.16      57 ms  2.4 s     23  vllm, tp2       modelopt fp8  fp8  1.95 times the price per hour
    1 x NVIDIA H100 SXM 80GB    3.49     1.60      26 ms  1.7 s     19  vllm, alone     modelopt fp8  fp8  3.12 times the price per hour

    No price is known (--price NAME=USD):
    hardware             per token  first  users  engine, layout  weights       KV
    1 x NVIDIA H20 96GB      23 ms   11 s     26  vllm, alone     modelopt fp8  fp8

    Does not serve them:
    hardware                          why not                                                                   engine, layout  weights  KV
    1 x NVIDIA L40S 48GB              layers and cache take 47.10 GiB, the device has 44.40 GiB                 vllm, alone     awq      fp8
    1 x NVIDIA GeForce RTX 3060 12GB  the weights of the layers alone take 29.07 GiB, the device has 11.63 GiB  vllm, alone     fp8      fp8
    2 x NVIDIA GeForce RTX 3060 12GB  the weights of the layers alone take 29.07 GiB, 2 devices have 23.26 GiB  vllm, tp2       fp8      fp8
    4 x NVIDIA GeForce RTX 3060 12GB  layers and cache take 61.07 GiB, 4 devices have 46.52 GiB                 vllm, tp4       fp8      fp8

    note: oura-ring is left out: a wearable: its memory holds no language model

    note: prices are list prices of one provider each, with source and date on the page of the device
    "
  `);
});

test('the whole registry is ranked by price, and every row but the first says why it is not', () => {
  const { rows, leftOut } = ranking(...asked);
  const priced = rows.filter(({ serves, perHourUsd }) => serves && perHourUsd !== null);
  const prices = priced.map(({ perHourUsd }) => perHourUsd ?? Number.NaN);
  expect(prices.length).toBeGreaterThan(10);
  expect(prices).toEqual(prices.toSorted((left, right) => left - right));
  expect(rows.map(({ lost }) => lost === null)).toEqual(rows.map((_, index) => index === 0));
  const firstUnpriced = rows.findIndex(({ serves, perHourUsd }) => serves && perHourUsd === null);
  expect(firstUnpriced).toBe(priced.length);
  expect(leftOut.map(({ hardware }) => hardware)).toContain('oura-ring');
  expect(rows.map(({ hardware }) => hardware)).not.toContain('oura-ring');
});

test('a set of cards has a row of every layout, and --price ranks a device without one', () => {
  const { rows } = ranking(...asked, '--gpu', '4xh20', '--price', 'h20=1.5');
  expect(new Set(rows.map(({ count }) => count))).toEqual(new Set([4]));
  expect(new Set(rows.map(({ layout: { tp, pp, dp } }) => `${tp} ${pp} ${dp}`))).toEqual(
    new Set(['4 1 1', '2 1 2', '2 2 1', '1 1 4', '1 2 2', '1 4 1']),
  );
  expect(rows[0]).toMatchObject({ perHourUsd: 6, lost: null });
});

test('"7900 XTX" is a card, not a number of them', () => {
  const { rows } = ranking('Qwen/Qwen3-8B', '--gpu', '7900 XTX');
  expect(rows.map(({ hardware, count }) => `${count} ${hardware}`)).toEqual(['1 rx-7900-xtx']);
});

test('nothing serves them: exit code 2, and the nearest misses', () => {
  const { code, out } = rank('deepseek-ai/DeepSeek-V3', '--users', '4', '--gpu', 'rtx-3060-12gb');
  expect(code).toBe(2);
  expect(out).toContain('Nothing serves them.');
  expect(out).toContain('8 devices have');
});

describe('bad input', () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['a price without a number', ['--price', 'h100'], 'bad-flag'],
    ['a free device', ['--price', 'h100=0'], 'bad-flag'],
    ['a price of an unknown device', ['--price', 'warp-core=1'], 'unknown-hardware'],
    ['a time that is no number', ['--max-tpot', 'fast'], 'bad-flag'],
    ['no time at all', ['--max-ttft', '0'], 'bad-flag'],
    ['an order', ['--sort', 'colour'], 'bad-flag'],
    ['an unknown device', ['--gpu', '8xwarp-core'], 'unknown-hardware'],
    ['no device', ['--gpu', ','], 'bad-flag'],
    ['too many devices', ['--gpu', '100000xh100'], 'bad-device-count'],
    ['every layout of everything', ['--all'], 'too-many-rows'],
    ['users that are none', ['--users', '0'], 'bad-flag'],
    ['an unknown engine', ['--engine', 'steam'], 'unknown-engine'],
    ['a context beyond the model', ['--context', '10M'], 'context-too-long'],
  ];
  for (const [name, flags, code] of cases) {
    test(name, () => {
      const outcome = rank('Qwen/Qwen3-32B', ...flags, '--json');
      expect(outcome.code).toBe(1);
      const { error } = outputSchemas.error.parse(JSON.parse(outcome.out));
      expect(error.code).toBe(code);
    });
  }
});
