import { expect, test } from 'vitest';
import { readScenario } from './read-scenario.ts';
import { type HostedReplica, hostCacheOf } from './scenario-host-cache.ts';
import type { Scenario } from './scenario-schema.ts';

const base = `
model: m
hardware: h100
workload: { arrivals: { poisson: { rate: 1 } }, requests: 1, prompt: 1, output: 1 }
`;

function scenarioOf(text: string): Scenario {
  return readScenario('s.yaml', { read: () => base + text, resolve: (path) => path });
}

function hosted(links: HostedReplica['hardware']['links']): HostedReplica {
  return { hardware: { name: 'a card', links }, parallelism: { tensor: 4, pipeline: 2 } };
}

test('each device has a link of its own: that of the registry, or the stated one', () => {
  const pcie = hosted([{ kind: 'pcie', name: 'PCIe 5.0', bytesPerSecondPerDirection: 64e9 }]);
  expect(hostCacheOf(scenarioOf('hostCache: { bytes: 2GiB }'), pcie)).toEqual({
    bytes: 2 ** 31,
    bytesPerSecond: 512e9,
    latencySeconds: expect.closeTo(1e-4, 12),
    devices: 8,
  });
  const stated = scenarioOf('hostCache: { bytes: 1000, bandwidth: 10e9, latency: 0 }');
  expect(hostCacheOf(stated, hosted([]))).toMatchObject({
    bytes: 1000,
    bytesPerSecond: 80e9,
    latencySeconds: 0,
  });
  expect(hostCacheOf(scenarioOf(''), pcie)).toBeNull();
  const unknown = scenarioOf('hostCache: { bytes: 1GB }');
  expect(() => hostCacheOf(unknown, hosted([]))).toThrow('no link of a card to its host');
});

test.each([
  ['hostCache: {}', 'hostCache.bytes'],
  ['hostCache: { bytes: -1 }', 'hostCache.bytes'],
  ['hostCache: { bytes: much }', 'hostCache.bytes'],
  ['hostCache: { bytes: 900000TB }', 'hostCache.bytes'],
  ['hostCache: { bytes: 1GB, rate: 3 }', 'hostCache.rate'],
  ['hostCache: { bytes: 1GB }\nprefixCaching: false', 'hostCache: without prefixCaching no block is cached'],
  [
    'hostCache: { bytes: 1GB }\ndisaggregation: { prefill: { replicas: 1 }, decode: { replicas: 1 } }',
    'hostCache: host memory of pools is not simulated',
  ],
])('%s is an error that names the field', (text, words) => {
  expect(() => scenarioOf(text)).toThrow(words);
});
