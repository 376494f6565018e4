/** The replica of the speed measurements: room for a batch of 256, and nothing that a peer lacks. */
import { policies, type ServingConfig } from '@plimsoll/serving';

export const batch = 256;

export const fullBatch: ServingConfig = {
  blockSize: 16,
  groups: [{ name: 'full', blockCount: 20_000, window: null }],
  contextMax: 8192,
  runningMax: batch,
  tokenBudget: 8192,
  prefixCaching: false,
  admission: 'first-chunk',
  admissionReserve: 0,
  heldShare: 0,
  evictionSpread: 0,
  policy: policies.fcfs,
};
