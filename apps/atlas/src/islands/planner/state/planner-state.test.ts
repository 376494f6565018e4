import { engineNames } from '@plimsoll/planner/engines';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildWorkbench } from '../../../workbench/build-workbench.ts';
import { chartsOf, type PlannerCharts } from '../worker/picture.ts';
import { choicesOf } from './choices.ts';
import { commandOf } from './command.ts';
import { answerState, type PlannerAnswer, requestOf } from './settle.ts';
import {
  addressNames,
  exampleState,
  type PlannerState,
  pageOptions,
  readState,
  stateFields,
  stateKeys,
  writeState,
} from './state.ts';

const models = ['meta-llama/Llama-3.1-8B-Instruct', 'openai/gpt-oss-20b', 'deepseek-ai/DeepSeek-V3'];
const states: fc.Arbitrary<PlannerState> = fc.record({
  model: fc.constantFrom(...models),
  gpu: fc.constantFrom('h100-sxm-80gb', 'rtx-4090', 'apple-m3-max-40-core-64gb'),
  engine: fc.constantFrom(null, 'vllm', 'llama.cpp', 'plimsoll', 'none'),
  weights: fc.constantFrom(null, 'fp8', 'awq', 'Q4_K_M'),
  kv: fc.constantFrom(null, 'bf16', 'fp8', 'q8_0'),
  context: fc.integer({ min: 1, max: 131_072 }),
  prompt: fc.constantFrom(null, 128),
  users: fc.integer({ min: 1, max: 100_000 }),
  tp: fc.integer({ min: 1, max: 64 }),
  pp: fc.integer({ min: 1, max: 32 }),
  dp: fc.integer({ min: 1, max: 64 }),
  ep: fc.constantFrom(null, 'on'),
  release: fc.constantFrom(null, '0.19.0', '0.8.5'),
  options: fc.record(
    {
      ngl: fc.constantFrom('0', '20', 'all', 'auto'),
      fa: fc.constantFrom('on', 'off'),
      utilization: fc.constantFrom('0.5', '0.95'),
      'max-num-seqs': fc.constantFrom('16', '1024'),
      'max-num-batched-tokens': fc.constant('2048'),
    },
    { requiredKeys: [] },
  ),
} as const);

test('what is written into an address is read from it', () => {
  fc.assert(
    fc.property(states, (state) => {
      expect(readState(writeState(state))).toEqual({ state, notes: [] });
    }),
  );
  expect(writeState(exampleState)).toBe('');
  expect(writeState({ ...exampleState, gpu: 'l40s-48gb', context: 32_768, kv: 'fp8' })).toBe(
    'gpu=l40s-48gb&kv=fp8&context=32768',
  );
});

test('any address gives a state, and a note for each value that was none', () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('-1', '1e9', 'NaN', '', '__proto__', '999999999999', '<b>'),
  );
  const query = fc.array(fc.tuple(fc.constantFrom(...addressNames), value));
  fc.assert(
    fc.property(query, (pairs) => {
      const { state, notes } = readState(new URLSearchParams(pairs).toString());
      for (const key of stateKeys) {
        const own = state[key];
        const isFallback = own === exampleState[key];
        expect(isFallback || (own !== null && stateFields[key].parse(String(own) as never) !== null)).toBe(
          true,
        );
      }
      for (const { name, read } of pageOptions)
        expect(state.options[name] === undefined || read?.(state.options[name] ?? '') !== null).toBe(true);
      for (const note of notes) expect(note.limit).not.toBe('');
    }),
  );
  const { state, notes } = readState('users=-3&context=1e9&engine=tgi&tp=2.5&kv=fp8');
  expect(state).toEqual({ ...exampleState, kv: 'fp8' });
  expect(notes.map(({ key, value, used }) => `${key} ${value} -> ${used}`)).toMatchInlineSnapshot(`
    [
      "engine tgi -> ",
      "context 1e9 -> 8192",
      "users -3 -> 16",
      "tp 2.5 -> 1",
    ]
  `);
  expect(readState(`model=${'x'.repeat(3000)}`).notes).toMatchInlineSnapshot(`
    [
      {
        "key": "address",
        "limit": "at most 2000 characters",
        "used": "",
        "value": "3006 characters",
      },
    ]
  `);
});

test("any state is answered: a plan, or the engine's own refusal", () => {
  let plans = 0;
  fc.assert(
    fc.property(states, (state) => {
      const { plan, refusal, state: settled } = answerState(state, buildWorkbench);
      expect(plan === null).toBe(refusal !== null);
      expect(settled.users).toBe(state.users);
      if (plan !== null) plans++;
    }),
    { numRuns: 30 },
  );
  expect(plans).toBeGreaterThan(5);
});

test('what does not exist or does not go together falls back with a note', () => {
  const noted = (change: Partial<PlannerState>): readonly string[] =>
    answerState({ ...exampleState, ...change }, buildWorkbench).notes.map(
      ({ key, value, used }) => `${key}: ${value} -> ${used}`,
    );
  expect(noted({ model: 'meta-llama/Lama-3.1-8B' })).toMatchInlineSnapshot(`
    [
      "model: meta-llama/Lama-3.1-8B -> meta-llama/Llama-3.1-8B-Instruct",
    ]
  `);
  expect(noted({ gpu: 'h1000' })).toMatchInlineSnapshot(`
    [
      "gpu: h1000 -> h100-sxm-80gb",
    ]
  `);
  expect(noted({ context: 200_000 })).toMatchInlineSnapshot(`
    [
      "context: 200000 -> 131072",
    ]
  `);
  expect(noted({ tp: 3 })).toMatchInlineSnapshot(`
    [
      "tp: 3 -> 1",
    ]
  `);
  expect(noted({ weights: 'Q4_K_M' })).toMatchInlineSnapshot(`
    [
      "weights: Q4_K_M -> ",
    ]
  `);
  for (const engine of [null, ...engineNames]) {
    expect(noted({ kv: 'float3', engine }), `kv=float3 under ${engine}`).toHaveLength(1);
    expect(noted({ weights: '__proto__', engine }), `weights=__proto__ under ${engine}`).toHaveLength(1);
  }
  expect(noted({ weights: 'fp7', kv: 'q8_0', engine: 'vllm' })).toMatchInlineSnapshot(`
    [
      "weights: fp7 -> ",
      "kv: q8_0 -> ",
    ]
  `);
});

test('advice that a state can follow leads where it says', () => {
  const asked = { ...exampleState, gpu: 'rtx-4090', context: 32_768, users: 8 };
  const { plan, advised } = answerState(asked, buildWorkbench);
  expect(plan?.fits).toBe(false);
  const followed = advised.filter(({ state }) => state !== null);
  expect(followed.length).toBeGreaterThan(0);
  for (const { advice, state } of followed) {
    const next = answerState(state ?? exampleState, buildWorkbench);
    expect(next.notes).toEqual([]);
    expect(next.plan?.fits).toBe(advice.fits);
    expect(next.plan?.capacity.usersMax).toBe(advice.usersMax);
  }
});

test('advice to use another device keeps the engine that it was planned for', () => {
  const asked = {
    ...exampleState,
    model: 'meta-llama/Llama-3.2-1B-Instruct',
    gpu: 'jetson-orin-nano-8gb',
    users: 4,
    context: 65_536,
  };
  const { engine, advised } = answerState(asked, buildWorkbench);
  const moved = advised.filter(({ state }) => state !== null && state.gpu !== asked.gpu);
  expect(moved.map(({ advice }) => advice.flags)).toMatchInlineSnapshot(`
    [
      "--gpu rtx-5070 --engine llama.cpp",
    ]
  `);
  for (const { advice, state } of moved) {
    const next = answerState(state ?? asked, buildWorkbench);
    expect(next.engine).toBe(engine);
    expect(next.plan?.capacity.usersMax).toBe(advice.usersMax);
  }
});

test('advice to serve a file under another engine sets the engine', () => {
  const asked = {
    ...exampleState,
    model: 'openai/gpt-oss-20b',
    gpu: 'rtx-4060-ti-16gb',
    context: 32_768,
    users: 1,
  };
  const { advised } = answerState({ ...asked, engine: 'vllm', release: '0.19.0' }, buildWorkbench);
  const other = advised.find(({ advice }) => advice.flags.startsWith('--engine'));
  expect(other?.state).toMatchObject({ engine: 'llama.cpp', release: null, weights: null });
  const next = answerState(other?.state ?? asked, buildWorkbench);
  expect(next.plan?.capacity.usersMax).toBe(other?.advice.usersMax);
});

test('the batch chart starts each user with the prompt that was asked about', () => {
  const first = (prompt: number | null): number => {
    const { charts, plan } = chartedState({ ...exampleState, prompt });
    expect(charts?.batch[0]?.ttftSeconds).toBe(plan?.speed.ttftSeconds);
    return plan?.speed.ttftSeconds ?? 0;
  };
  expect(first(128)).toBeLessThan(first(null));
});

function chartedState(state: PlannerState): {
  readonly charts: PlannerCharts | null;
  readonly plan: PlannerAnswer['plan'];
} {
  const answer = answerState(state, buildWorkbench);
  return { charts: chartsOf(answer, buildWorkbench), plan: answer.plan };
}

test('choices hold what is chosen, and only what the engine takes', () => {
  const { tp, weights, kv } = choicesOf({ ...exampleState, model: 'openai/gpt-oss-20b' }, buildWorkbench);
  expect({ tp, weights, kv }).toMatchInlineSnapshot(`
    {
      "kv": [
        "fp32",
        "fp16",
        "bf16",
        "fp8",
        "fp8_per_token_head",
        "int8_per_token_head",
        "int4_per_token_head",
        "int2_per_token_head",
        "nvfp4",
        "turboquant_k8v4",
        "turboquant_4bit_nc",
        "turboquant_k3v4_nc",
        "turboquant_3bit_nc",
      ],
      "tp": [
        1,
        2,
        4,
        8,
        16,
        32,
      ],
      "weights": [
        "bf16",
        "fp16",
        "fp32",
        "fp8",
        "int8",
        "int4",
        "gptq",
        "awq",
        "bitsandbytes",
        "nvfp4",
        "mxfp4",
      ],
    }
  `);
  const local = choicesOf({ ...exampleState, engine: 'llama.cpp', weights: 'Q5_K_S' }, buildWorkbench);
  expect(local.weights).toContain('Q5_K_S');
  expect(local.kv).toContain('q8_0');
});

test('the command names what differs from the defaults', () => {
  const state = {
    ...exampleState,
    context: 32_768,
    users: 4,
    tp: 2,
    kv: 'fp8',
    options: { utilization: '0.95' },
  } as const;
  expect(commandOf(state, 'vllm').join(' ')).toMatchInlineSnapshot(
    `"plimsoll plan meta-llama/Llama-3.1-8B-Instruct --gpu h100-sxm-80gb --engine vllm --context 32k --users 4 --tp 2 --kv fp8 --utilization 0.95"`,
  );
  expect(requestOf(state, buildWorkbench).engine).toBe('vllm');
});
