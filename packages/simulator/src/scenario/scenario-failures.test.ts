import { expect, test } from 'vitest';
import { readScenario } from './read-scenario.ts';
import { failuresOf, type StartedReplica } from './scenario-failures.ts';
import type { Scenario } from './scenario-schema.ts';

const base = `
model: m
hardware: h100
workload: { arrivals: { poisson: { rate: 1 } }, requests: 1, prompt: 1, output: 1 }
`;

function scenarioOf(text: string): Scenario {
  return readScenario('s.yaml', { read: () => base + text, resolve: (path) => path });
}

function started(links: StartedReplica['request']['hardware']['links']): StartedReplica {
  return { request: { hardware: { name: 'a card', links } }, deployment: { weightBytes: 16e9 } };
}

const pcie = started([
  { kind: 'pcie', name: 'PCIe 5.0', bytesPerSecondPerDirection: 64e9 },
  { kind: 'nvlink', name: 'NVLink', bytesPerSecondPerDirection: 450e9 },
]);

test('a restart takes the stated time, or that of the weights over the link to the host', () => {
  const { failures } = scenarioOf('failures: { meanTimeBetween: 6h, restart: 90s }');
  expect(failuresOf({ failures }, pcie, 1)).toEqual({
    meanSeconds: 21_600,
    listed: [],
    restartSeconds: 90,
    requests: 'retry',
  });
  const listed = scenarioOf('failures: { at: [{ replica: 1, time: 500ms }], requests: fail }');
  expect(failuresOf(listed, pcie, 2)).toEqual({
    meanSeconds: null,
    listed: [{ replica: 1, atSeconds: 0.5 }],
    restartSeconds: 0.25,
    requests: 'fail',
  });
  expect(() => failuresOf(listed, started([]), 2)).toThrow('no link of a card to its host');
  expect(failuresOf(scenarioOf(''), pcie, 2)).toBeUndefined();
});

test('a failure of a replica that the scenario lacks is an error', () => {
  const listed = scenarioOf('failures: { at: [{ replica: 2, time: 0 }] }');
  expect(() => failuresOf(listed, pcie, 2)).toThrow('names replica 2; the scenario has 2, numbered from 0');
});

test.each([
  ['failures: {}', 'failures: meanTimeBetween, at, or both'],
  ['failures: { restart: 1s }', 'failures: meanTimeBetween, at, or both'],
  ['failures: { meanTimeBetween: 10ms }', 'failures.meanTimeBetween: at least 1 second'],
  ['failures: { meanTimeBetween: 1h, requests: drop }', 'failures.requests'],
  ['failures: { meanTimeBetween: 1h, mtbf: 3 }', 'failures.mtbf'],
  ['failures: { at: [{ replica: -1, time: 3s }] }', 'failures.at'],
  [
    'failures: { meanTimeBetween: 1h }\ndisaggregation: { prefill: { replicas: 1 }, decode: { replicas: 1 } }',
    'failures: failures of pools are not simulated',
  ],
])('%s is an error that names the field', (text, words) => {
  expect(() => scenarioOf(text)).toThrow(words);
});
