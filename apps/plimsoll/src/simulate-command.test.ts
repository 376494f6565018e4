/** `plimsoll simulate` as people and pipes use it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { plimsoll } from './program.test-data.ts';

const examples = join(import.meta.dirname, '../../../examples');
const chat = join(examples, 'single-gpu-chat.yaml');

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'plimsoll-simulate-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test('equal seeds give equal bytes, and files of timeline and steps', () => {
  const at = folder();
  const files = ['--plot', join(at, 'plot.svg'), '--trace', join(at, 'trace.json')];
  const first = plimsoll(['simulate', chat, '--json', ...files]);
  expect(plimsoll(['simulate', chat, '--json']).out).toBe(first.out);
  const answer = outputSchemas.simulate.parse(JSON.parse(first.out));
  expect(answer.requests).toEqual({ completed: 3000, censored: 0, refused: 0, refusals: {} });
  expect(readFileSync(join(at, 'plot.svg'), 'utf8')).toContain('waiting requests');
  const trace: unknown = JSON.parse(readFileSync(join(at, 'trace.json'), 'utf8'));
  const { traceEvents } = trace as { traceEvents: { args: { steps?: number } }[] };
  const traced = traceEvents.reduce((sum, { args }) => sum + (args.steps ?? 0), 0);
  expect(traced).toBe(answer.batch.steps);
});

test('a failed assertion: exit code 3', () => {
  const path = join(folder(), 'strict.yaml');
  writeFileSync(
    path,
    `extends: ${chat}\nworkload: { requests: 200 }\nassert:\n  - { metric: ttft.p99, max: 1ms }\n`,
  );
  const { code, out } = plimsoll(['simulate', path]);
  expect(code).toBe(3);
  expect(out).toContain('assert ttft.p99 <= 0.001');
  expect(out).toContain('FAILED');
});

test('an option that no engine has is refused, with the names that start alike', () => {
  const path = join(folder(), 'misspelled.yaml');
  const misspelled = 'options: { max-num-sequences: 4 }\n';
  writeFileSync(path, `extends: ${chat}\nworkload: { requests: 20 }\n${misspelled}`);
  for (const command of ['simulate', 'optimize']) {
    const { code, err } = plimsoll([command, path]);
    expect([command, code]).toEqual([command, 1]);
    expect(err).toContain('no engine has an option "max-num-sequences"');
    expect(err).toContain('max-num-seqs');
  }
  writeFileSync(path, `extends: ${chat}\nworkload: { requests: 20 }\noptions: { --max-num-seqs: 4 }\n`);
  expect(plimsoll(['simulate', path]).err).toBe('');
});

test('layouts: stages of a pipeline, data groups with experts, data groups without experts', () => {
  const at = folder();
  const run = (name: string, text: string): ReturnType<typeof outputSchemas.simulate.parse> => {
    const path = join(at, `${name}.yaml`);
    writeFileSync(path, text);
    return outputSchemas.simulate.parse(JSON.parse(plimsoll(['simulate', path, '--json']).out));
  };
  const dense = (layout: string): string =>
    `extends: ${chat}\ncount: 2\nlayout: ${layout}\nworkload: { requests: 200 }\nassert: []\n`;
  const staged = run('stages', dense('{ pp: 2 }'));
  expect(staged.layout).toMatchObject({ stages: 2, dataGroups: 1, dummySteps: 0 });
  expect(staged.layout?.bubbleShare).toBeGreaterThan(0);
  expect(staged.layout?.bubbleShare).toBeLessThan(0.6);
  const { scenario, ...replicas } = run('groups', dense('{ dp: 2 }'));
  expect(scenario.replicas).toBe(2);
  expect(replicas).toEqual(expect.objectContaining({ layout: null, requests: staged.requests }));
  const experts = join(examples, 'moe-chat.yaml');
  const spread = run(
    'experts',
    `extends: ${experts}\nlayout: { tp: 4, dp: 2 }\nworkload: { requests: 40 }\nassert: []\n`,
  );
  expect(spread.layout).toMatchObject({ stages: 1, dataGroups: 2, bubbleShare: 0 });
  expect(spread.scenario.replicas).toBe(1);
});

test('two scenarios side by side', () => {
  const path = join(folder(), 'faster.yaml');
  writeFileSync(
    path,
    `extends: ${chat}\nhardware: b200\nworkload: { requests: 300 }\nassert:\n  - { metric: ttft.p99, max: 1ms }\n`,
  );
  const { code, out } = plimsoll(['simulate', chat, '--compare', path]);
  expect(code).toBe(3);
  expect(out).toContain('assert of B FAILED: ttft.p99');
  expect(out).toMatch(/^TTFT p99 .* ms .* ms +-\d/m);
  const same = plimsoll(['simulate', path, '--compare', path, '--json']);
  expect(outputSchemas['simulate-comparison'].parse(JSON.parse(same.out)).differences).toEqual([]);
  const { error } = outputSchemas.error.parse(
    JSON.parse(plimsoll(['simulate', chat, '--compare', path, '--plot', 'a.svg', '--json']).out),
  );
  expect(error.code).toBe('conflicting-flags');
});

test("the engine's limit of tokens in a step holds unless the scenario says another", () => {
  const at = folder();
  const steps = (limits: string): number => {
    const path = join(at, 'steps.yaml');
    const load =
      'workload: { arrivals: { closed: { clients: 1 } }, requests: 1, prompt: 9000, output: 1, prefix: { tokens: 1 } }';
    writeFileSync(path, `extends: ${chat}\n${load}\nassert: []\n${limits}\n`);
    const { out } = plimsoll(['simulate', path, '--json']);
    return outputSchemas.simulate.parse(JSON.parse(out)).batch.steps;
  };
  // vLLM takes 8192 tokens a step on an H100, and 2048 of a device with less memory.
  expect(steps('')).toBe(2);
  expect(steps('hardware: l40s')).toBe(5);
  expect(steps('limits: { batchedTokens: 1024 }')).toBe(9);
  expect(steps('options: { max-num-batched-tokens: 4096 }')).toBe(3);
  expect(steps('engine: tensorrt-llm')).toBe(2);
});

test.each([
  ['no file', null, 'scenario-not-read', 1],
  ['an unknown field', 'colour: red', 'bad-scenario', 1],
  ['an unknown model', 'model: warp-9', 'unknown-model', 1],
  ['an unknown metric', 'assert: [{ metric: ttft.p95, max: 1 }]', 'unknown-metric', 1],
  ['a region that does not exist', 'energy: { region: atlantis }', 'unknown-region', 1],
  [
    'drafts in a pipeline',
    'count: 2\nlayout: { pp: 2 }\nspeculation: { tokens: 2, acceptance: 0.5 }',
    'speculation-with-stages',
    1,
  ],
  ['devices that do not divide', 'count: 3\nlayout: { tp: 2 }', 'bad-layout', 1],
  [
    'two limits of tokens',
    'limits: { batchedTokens: 512 }\noptions: { max-num-batched-tokens: 1024 }',
    'bad-scenario',
    1,
  ],
  ['weights that do not fit', 'model: meta-llama/Llama-3.1-70B-Instruct', 'over-memory-budget', 2],
])('%s', (_name, change, error, exitCode) => {
  const path = join(folder(), 'changed.yaml');
  if (change !== null) writeFileSync(path, `extends: ${chat}\n${change}\n`);
  const { code, out } = plimsoll(['simulate', path, '--json']);
  expect(outputSchemas.error.parse(JSON.parse(out)).error.code).toBe(error);
  expect(code).toBe(exitCode);
});

test('host memory for evicted blocks: 0 bytes change nothing, more of them load what the devices evicted', () => {
  const at = folder();
  const run = (name: string, fields: string): string => {
    const path = join(at, `${name}.yaml`);
    writeFileSync(
      path,
      `model: meta-llama/Llama-3.1-8B-Instruct
hardware: h100
engine: vllm
context: 16k
options: { utilization: 0.3 }
workload:
  arrivals: { closed: { clients: 24 } }
  requests: 150
  prompt: 3000
  output: 50
  session: { turns: 4, prompt: 200, think: 5s }
${fields}`,
    );
    const { code, out, err } = plimsoll(['simulate', path, '--json']);
    expect(err).toBe('');
    expect(code).toBe(0);
    return out;
  };
  const bare = run('bare', '');
  expect(run('none', 'hostCache: { bytes: 0 }')).toBe(bare);
  const { hostCache, ...hosted } = outputSchemas.simulate.parse(
    JSON.parse(run('hosted', 'hostCache: { bytes: 64GiB }')),
  );
  expect(hostCache?.hostHitTokens).toBeGreaterThan(10_000);
  expect(hosted.requests.completed).toBe(150);
  expect(hosted.ttft?.mean).toBeLessThan(outputSchemas.simulate.parse(JSON.parse(bare)).ttft?.mean ?? 0);
});

test('failures of replicas are counted, and no request is lost', () => {
  const path = join(folder(), 'failing.yaml');
  const failures = '{ meanTimeBetween: 20s, at: [{ replica: 1, time: 5s }], restart: 4s, requests: fail }';
  writeFileSync(
    path,
    `extends: ${chat}\ncount: 2\nworkload: { requests: 300 }\nassert: []\nfailures: ${failures}\n`,
  );
  const { out } = plimsoll(['simulate', path, '--json']);
  const { requests, failures: counted } = outputSchemas.simulate.parse(JSON.parse(out));
  expect(counted?.failures).toBeGreaterThan(0);
  expect(counted?.failed).toBeGreaterThan(0);
  expect(requests.completed + requests.censored + requests.refused + (counted?.failed ?? 0)).toBe(300);
  expect(plimsoll(['simulate', path]).out).toContain('failures of replicas, down');
  writeFileSync(path, `extends: ${chat}\nfailures: { at: [{ replica: 1, time: 5s }] }\n`);
  expect(plimsoll(['simulate', path]).err).toContain('failures.at names replica 1; the scenario has 1');
});
