/** Pools of a disaggregated scenario: each is a scenario of its own for the planner, and a link joins them. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment, PlanRequest } from '@plimsoll/planner';
import type { KvLink } from '../disaggregation/kv-link.ts';
import { durationSeconds, type Scenario } from './scenario-schema.ts';

export interface PlannedPool {
  readonly request: PlanRequest;
  readonly deployment: Deployment;
}

/** Scenarios of the pools with `count` devices each: that of a scenario without disaggregation alone. */
export function poolScenarios(scenario: Scenario): readonly [Scenario] | readonly [Scenario, Scenario] {
  const { disaggregation, ...rest } = scenario;
  if (disaggregation === undefined) return [scenario];
  const poolOf = ({ replicas, hardware, layout = rest.layout }: typeof disaggregation.prefill): Scenario => ({
    ...rest,
    hardware: hardware ?? rest.hardware,
    layout,
    count: replicas * layout.tp * layout.pp * layout.dp,
  });
  return [poolOf(disaggregation.prefill), poolOf(disaggregation.decode)];
}

/** The link between a prefill and a decode replica: all their devices send and receive at once. */
export function kvLinkOf(
  { link }: NonNullable<Scenario['disaggregation']>,
  prefill: PlannedPool,
  decode: PlannedPool,
): KvLink {
  refuseOtherCache(prefill.deployment, decode.deployment);
  const sides = [prefill, decode].map(({ request, deployment }) => {
    const { tensor, pipeline } = request.parallelism;
    // A sequence lies on the devices of one data group.
    const devices = tensor * pipeline;
    const each = link.bandwidth ?? linkRate(request.hardware, link.kind);
    return { bytesPerSecond: devices * each, devices, deployment };
  });
  return {
    latencySeconds: durationSeconds(link.latency),
    bytesPerSecond: Math.min(...sides.map(({ bytesPerSecond }) => bytesPerSecond)),
    // Where a layout keeps copies of the cache on several devices, the copies are not sent.
    promptBytes: (tokens) =>
      Math.min(...sides.map(({ devices, deployment }) => devices * deployment.sequenceBytes(tokens))),
  };
}

/** A decode replica reads the blocks as the prefill replica wrote them. */
function refuseOtherCache(prefill: Deployment, decode: Deployment): void {
  const textOf = ({ engine, formats }: Deployment): string => `${engine} with a ${formats.kvCache} cache`;
  const [written, read] = [textOf(prefill), textOf(decode)];
  if (written === read) return;
  throw new PlimsollError({
    code: 'pools-differ',
    message: `the prefill pool writes blocks of ${written}, and the decode pool reads ${read}`,
    value: read,
    limit: written,
    hint: 'name engine and kv in the scenario, so that both pools have them',
  });
}

function linkRate({ name, links }: PlanRequest['hardware'], kind: string): number {
  const rates = links.filter((link) => link.kind === kind);
  if (rates.length > 0)
    return Math.max(...rates.map(({ bytesPerSecondPerDirection }) => bytesPerSecondPerDirection));
  const known = [...new Set(links.map((link) => link.kind))];
  throw new PlimsollError({
    code: 'unknown-link',
    message: `${name} has no link of the kind ${kind}`,
    value: kind,
    limit: known.length === 0 ? 'no link is known' : known.join(', '),
    hint: 'name another disaggregation.link.kind, or give its bandwidth in bytes per second',
  });
}
