/** Every solver, in the order of the list that the command line prints. A new solver is a file and a line here. */
import { PlimsollError } from '@plimsoll/foundation';
import { batching } from './batching.ts';
import { batchingOptimum } from './batching-optimum.ts';
import { breakEven } from './break-even.ts';
import { chunkedPrefill } from './chunked-prefill.ts';
import { collectives } from './collectives.ts';
import { disaggregation } from './disaggregation.ts';
import { energy } from './energy.ts';
import { network } from './network.ts';
import { pausedKv } from './paused-kv.ts';
import { placement } from './placement.ts';
import { prefixCacheBill } from './prefix-cache-bill.ts';
import { quantization } from './quantization.ts';
import { replicas } from './replicas.ts';
import { sensitivity } from './sensitivity.ts';
import { sharedPrefix } from './shared-prefix.ts';
import type { Solver } from './solver.ts';
import { speculation } from './speculation.ts';
import { synthesis } from './synthesis.ts';
import { tailLatency } from './tail-latency.ts';

export const solvers: readonly Solver[] = [
  batching,
  batchingOptimum,
  chunkedPrefill,
  tailLatency,
  replicas,
  disaggregation,
  speculation,
  sensitivity,
  synthesis,
  quantization,
  network,
  collectives,
  sharedPrefix,
  prefixCacheBill,
  pausedKv,
  breakEven,
  energy,
  placement,
];

export function solverNamed(name: string): Solver {
  const found = solvers.find((solver) => solver.name === name);
  if (found !== undefined) return found;
  throw new PlimsollError({
    code: 'unknown-solver',
    message: `there is no solver "${name}"`,
    value: name,
    limit: solvers.map((solver) => solver.name).join(', '),
    hint: 'plimsoll solve lists the solvers',
  });
}
