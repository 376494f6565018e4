import { PlimsollError } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { readScenario } from './read-scenario.ts';
import type { Scenario } from './scenario-schema.ts';

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
    limits: { batchedTokens: 8192 },
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
    ['a router that does not exist', `${base}router: luck\n`],
  ])('%s', (_name, text) => {
    expect(errorOf(text)).toMatchSnapshot();
  });
});
