import { expect, test } from 'vitest';
import { readScenario } from './read-scenario.ts';
import { poolScenarios } from './scenario-pools.ts';
import type { Scenario } from './scenario-schema.ts';

const base = `
model: m
hardware: h100
engine: vllm
layout: { tp: 2 }
workload: { arrivals: { poisson: { rate: 1 } }, requests: 1, prompt: 1, output: 1 }
`;

function scenarioOf(text: string): Scenario {
  return readScenario('s.yaml', { read: () => base + text, resolve: (path) => path });
}

test('a scenario without disaggregation is its only pool', () => {
  const scenario = scenarioOf('count: 4');
  expect(poolScenarios(scenario)).toEqual([scenario]);
});

test('a pool has the hardware and the layout of the scenario, or its own', () => {
  const pools = poolScenarios(
    scenarioOf(
      'disaggregation: { prefill: { replicas: 3 }, decode: { replicas: 2, hardware: h200, layout: { tp: 4 } } }',
    ),
  );
  expect(pools.map(({ hardware, count, layout }) => [hardware, count, layout.tp])).toEqual([
    ['h100', 6, 2],
    ['h200', 8, 4],
  ]);
});

test.each([
  [
    'count: 8\ndisaggregation: { prefill: { replicas: 1 }, decode: { replicas: 1 } }',
    'count: the pools of disaggregation',
  ],
  [
    'speculation: { tokens: 2, acceptance: 0.5 }\ndisaggregation: { prefill: { replicas: 1 }, decode: { replicas: 1 } }',
    'speculation: drafts of a decode pool are not simulated',
  ],
  ['disaggregation: { prefill: { replicas: 1 } }', 'disaggregation.decode'],
  [
    'disaggregation: { prefill: { replicas: 0 }, decode: { replicas: 1 } }',
    'disaggregation.prefill.replicas',
  ],
  ['disaggregation: { prefill: { replicas: 1 }, decode: { replicas: 1 }, link: { speed: 3 } }', 'link.speed'],
  [
    'disaggregation: { prefill: { replicas: 1 }, decode: { replicas: 1 }, link: { kind: wire } }',
    'link.kind',
  ],
])('%s is an error that names the field', (text, words) => {
  expect(() => scenarioOf(text)).toThrow(words);
});
