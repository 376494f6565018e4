/** Replicas for tests, with step times that a test can compute by hand. */
import { policies, type ServingConfig } from '@plimsoll/serving';
import type { ReplicaModel } from './replica.ts';
import type { SimulationInput } from './simulate.ts';
import type { Workload } from './workload/workload.ts';

export const smallServing: ServingConfig = {
  blockSize: 16,
  groups: [{ name: 'full', blockCount: 4096, window: null }],
  contextMax: 8192,
  runningMax: 8,
  tokenBudget: 512,
  admission: 'first-chunk',
  admissionReserve: 0,
  heldShare: 0,
  prefixCaching: false,
  policy: policies.fcfs,
};

/** Steps of 10 ms and 0.1 ms per token. */
export const plainReplica: ReplicaModel = {
  serving: smallServing,
  stepSeconds: (rows) => 0.01 + rows.reduce((sum, { count }) => sum + count, 0) * 1e-4,
};

const plainWorkload: Workload = {
  arrivals: { kind: 'poisson', requestsPerSecond: 2 },
  requests: 500,
  prompt: { kind: 'uniform', min: 50, max: 400 },
  output: { kind: 'uniform', min: 10, max: 100 },
  prefix: null,
  seed: 3,
};

export function simulationInput(
  options: Partial<SimulationInput> & { readonly load?: Partial<Workload> } = {},
): SimulationInput {
  const { load = {}, ...rest } = options;
  return {
    replica: plainReplica,
    replicaCount: 1,
    router: 'round-robin',
    workload: { ...plainWorkload, ...load },
    frontEndSeconds: 0,
    limits: {},
    simulatedSecondsMax: 86_400,
    ...rest,
  };
}
