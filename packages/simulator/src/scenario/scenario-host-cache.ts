/** Turns the host tier of a scenario into that of a replica. */
import { PlimsollError, parseBytes } from '@plimsoll/foundation';
import type { PlanRequest } from '@plimsoll/planner';
import { hostLinkRate } from '@plimsoll/planner/speed';
import type { HostCacheQuestion } from '../host-cache/host-cache-model.ts';
import { durationSeconds, type Scenario } from './scenario-schema.ts';

/** What the link to the host depends on. */
export interface HostedReplica {
  readonly hardware: Pick<PlanRequest['hardware'], 'name' | 'links'>;
  readonly parallelism: Pick<PlanRequest['parallelism'], 'tensor' | 'pipeline'>;
}

/** Null for a scenario without a host tier. */
export function hostCacheOf(
  { hostCache }: Pick<Scenario, 'hostCache'>,
  { hardware, parallelism }: HostedReplica,
): HostCacheQuestion | null {
  if (hostCache === undefined) return null;
  const { bytes, bandwidth, latency } = hostCache;
  const rate = bandwidth ?? hostLinkRate(hardware);
  if (rate === null) throw unknownHostLink(hardware.name);
  // A sequence lies on the devices of one data group, and each device has a link of its own.
  const devices = parallelism.tensor * parallelism.pipeline;
  return {
    bytes: typeof bytes === 'number' ? bytes : parseBytes(bytes),
    bytesPerSecond: devices * rate,
    latencySeconds: durationSeconds(latency),
    devices,
  };
}

function unknownHostLink(name: string): PlimsollError {
  return new PlimsollError({
    code: 'unknown-link',
    message: `the registry knows no link of ${name} to its host`,
    value: name,
    hint: 'state its bytes per second, such as hostCache: { bandwidth: 64e9 }',
  });
}
