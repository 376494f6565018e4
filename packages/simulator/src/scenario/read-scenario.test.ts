import { PlimsollError } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { readTrace } from '../workload/trace.ts';
import type { Workload } from '../workload/workload.ts';
import { readScenario } from './read-scenario.ts';
import type { Scenario } from './scenario-schema.ts';
import { workloadOf } from './scenario-workload.ts';

const base = `model: some-model
hardware: h100
workload:
  arrivals: { poisson: { rate: 4 } }
  requests: 100
  prompt: 512
  output: { uniform: { min: 10, max: 20 } }
`;

function read(files: Readonly<Record<string, string>>): Scenario {
  return readScenario('main.yaml', {
    read: (path) => files[path] ?? '',
    resolve: (path) => path,
  });
}

function errorOf(text: string): string {
  try {
    read({ 'main.yaml': text });
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no error';
}

test('defaults are filled in', () => {
  expect(read({ 'main.yaml': base })).toMatchObject({
    count: 1,
    layout: { tp: 1, pp: 1, dp: 1, ep: false },
    limits: {},
    router: 'round-robin',
    workload: { seed: 1 },
  });
});

test('extends: maps merge, a choice replaces the choice of the base', () => {
  const scenario = read({
    'main.yaml': 'extends: base.yaml\nhardware: b200\nworkload:\n  arrivals: { closed: { clients: 9 } }\n',
    'base.yaml': base,
  });
  expect(scenario).toMatchObject({ model: 'some-model', hardware: 'b200' });
  expect(scenario.workload).toMatchObject({
    arrivals: { closed: { clients: 9 } },
    requests: 100,
    prompt: 512,
  });
});

const session = `  session:
    turns: { uniform: { min: 1, max: 4 } }
    prompt: 60
    think: { lognormal: { median: 20s, sigma: 1, max: 5min } }
    tools: { calls: { uniform: { min: 0, max: 3 } }, result: 800, wait: { exponential: { mean: 1500ms } } }
`;

test('sessions: times are seconds, and calls may be none', () => {
  const scenario = read({ 'main.yaml': `${base}${session}` });
  expect(workloadOf(scenario, null).session).toEqual({
    turns: { kind: 'uniform', min: 1, max: 4 },
    prompt: { kind: 'fixed', value: 60 },
    thinkSeconds: { kind: 'lognormal', median: 20, sigma: 1, min: 0, max: 300 },
    tools: {
      calls: { kind: 'uniform', min: 0, max: 3 },
      output: null,
      result: { kind: 'fixed', value: 800 },
      waitSeconds: { kind: 'exponential', mean: 1.5, min: 0, max: Infinity },
    },
    contextMax: Infinity,
  });
});

test('a trace without times needs a rate or clients', () => {
  const traced = (more: string): Workload =>
    workloadOf(
      read({
        'main.yaml': `model: m\nhardware: h100\nworkload: { arrivals: { trace: { file: a.csv${more} } } }\n`,
      }),
      readTrace('prompt_tokens,output_tokens\n5,6\n', 'a.csv'),
    );
  expect(() => traced('')).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: a.csv (lengths) does not say when its requests start]`,
  );
  expect(traced(', rate: 2').arrivals).toMatchObject({ starts: { kind: 'poisson', requestsPerSecond: 2 } });
  expect(traced(', clients: 3').arrivals).toMatchObject({ starts: { kind: 'closed', clients: 3 } });
});

describe('errors name file, line and field', () => {
  test.each([
    ['an unknown field', `${base}color: red\n`],
    ['an unknown field of a map', base.replace('requests: 100', 'requests: 100\n  request: 7')],
    ['a negative rate', base.replace('rate: 4', 'rate: -4')],
    ['two arrival processes', base.replace('{ rate: 4 } }', '{ rate: 4 }, closed: { clients: 2 } }')],
    ['a minimum above the maximum', base.replace('min: 10', 'min: 30')],
    ['an SLO without a percentile', `${base}slo:\n  ttft: 500ms\n`],
    ['a time without a unit', `${base}slo:\n  ttft-p99: "500"\n`],
    ['an assertion without a limit', `${base}assert:\n  - metric: ttft.p99\n`],
    ['a missing field', base.replace('hardware: h100\n', '')],
    ['no map', '- a\n- b\n'],
    ['no YAML', `${base}  : : [\n`],
    ['a key twice', `${base}model: other\n`],
    ['a circle of files', 'extends: main.yaml\n'],
    ['an acceptance above 1', `${base}speculation: { tokens: 2, acceptance: 1.5 }\n`],
    ['more positions than drafts', `${base}speculation: { tokens: 1, acceptance: [0.8, 0.7] }\n`],
    ['a building below its machines', `${base}energy: { pue: 0.9 }\n`],
    ['a router that does not exist', `${base}router: luck\n`],
    ['a session without turns', `${base}${session.replace('turns:', 'rounds:')}`],
    ['negative calls', `${base}${session.replace('min: 0', 'min: -1')}`],
    ['a time of think without a unit', `${base}${session.replace('20s', '"20"')}`],
    [
      'a trace with sessions of its own',
      'model: m\nhardware: h100\nworkload:\n  arrivals: { trace: { file: a.csv } }\n  session: { turns: 2, prompt: 5 }\n',
    ],
    [
      'a trace with a rate and clients',
      'model: m\nhardware: h100\nworkload: { arrivals: { trace: { file: a.csv, rate: 2, clients: 3 } } }\n',
    ],
  ])('%s', (_name, text) => {
    expect(errorOf(text)).toMatchSnapshot();
  });
});
