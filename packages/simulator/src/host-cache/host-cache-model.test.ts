import { expect, test } from 'vitest';
import { plainReplica } from '../testing.test-data.ts';
import { type HostCacheQuestion, type HostedDeployment, hostCacheModel } from './host-cache-model.ts';

/** 1,000 bytes per token on each device; a prompt token adds 0.1 ms to a step. */
const deployment: HostedDeployment = {
  contextMax: 4096,
  sequenceBytes: (tokens) => 1000 * tokens,
  groups: [{ layers: 10, entryBytes: 100, stateBytes: 0, tokensMax: Infinity }],
  speed: { stepSeconds: plainReplica.stepSeconds },
};
const question: HostCacheQuestion = {
  bytes: 64e6,
  bytesPerSecond: 4e7,
  latencySeconds: 0.01,
  devices: 2,
};
const schedulers = { blockSize: 16, schedulers: 2 };

test('schedulers divide the host memory into whole blocks of all devices', () => {
  expect(hostCacheModel(question, deployment, schedulers)?.blockCount).toBe(1000);
  expect(hostCacheModel({ ...question, bytes: 64e6 - 1 }, deployment, schedulers)?.blockCount).toBe(999);
  expect(hostCacheModel({ ...question, bytes: 63_999 }, deployment, schedulers)).toBeNull();
  expect(hostCacheModel({ ...question, bytes: 0 }, deployment, schedulers)).toBeNull();
});

test('a load pays once its latency is less than the time that computing takes longer', () => {
  // 0.05 ms per token to load, 0.1 ms to compute: 10 ms of latency pay from more than 200 tokens on.
  const loads = hostCacheModel(question, deployment, schedulers)?.rule.loads;
  expect([192, 208, 2048].map((tokens) => loads?.(512, 512 + tokens))).toEqual([false, true, true]);
  const slow = hostCacheModel({ ...question, bytesPerSecond: 1e7 }, deployment, schedulers)?.rule.loads;
  expect(slow?.(0, 4096)).toBe(false);
});

test('windows, states and more blocks than an index holds are refused', () => {
  const group = { layers: 10, entryBytes: 100, stateBytes: 0, tokensMax: 1024 };
  const refusal = (changes: Partial<HostedDeployment>, bytes = 64e6) =>
    expect(() => hostCacheModel({ ...question, bytes }, { ...deployment, ...changes }, schedulers));
  refusal({ groups: [...deployment.groups, group] }).toThrow('windowed or recurrent layers');
  refusal({ groups: [{ ...group, tokensMax: Infinity, stateBytes: 8 }] }).toThrow('windowed or recurrent');
  refusal({}, 1e15).toThrow('1000000000000000 bytes of host memory are 15625000000 blocks in each scheduler');
  // Without host memory there is nothing to refuse.
  expect(
    hostCacheModel({ ...question, bytes: 0 }, { ...deployment, groups: [group] }, schedulers),
  ).toBeNull();
});
