/** The report of `plimsoll simulate` as text. */
import { formatBytes, formatCount, formatSeconds } from '@plimsoll/foundation';
import type { SimulateAnswer } from '../simulate-schema.ts';
import { renderTable } from './table.ts';

export function renderSimulation(answer: SimulateAnswer, notes: readonly string[]): string {
  return [
    headline(answer),
    '',
    ...requestLines(answer),
    '',
    latencyTable(answer),
    '',
    ...loadLines(answer),
    ...verdictLines(answer),
    ...notes.flatMap((note) => ['', `note: ${note}`]),
  ].join('\n');
}

export function headline({ scenario }: SimulateAnswer): string {
  const { model, hardware, devices, replicas, engine, engineVersion, seed } = scenario;
  const release = engineVersion === null ? engine : `${engine} ${engineVersion}`;
  const split = replicas === 1 ? '' : `, ${replicas} replicas`;
  return `${model} on ${devices} x ${hardware}${split}, ${release}, seed ${seed}`;
}

function requestLines({
  requests,
  stable,
  unstableReason,
  simulatedSeconds,
  throughput,
  goodput,
  sessions,
  failures,
}: SimulateAnswer): string[] {
  const { completed, censored, refused, refusals } = requests;
  const reasons = Object.entries(refusals).map(([code, count]) => `${formatCount(count)} ${code}`);
  const lines = [
    `${formatCount(completed)} requests completed, ${formatCount(censored)} not ended, ${formatCount(refused)} refused${refused > 0 ? ` (${reasons.join(', ')})` : ''} in ${formatSeconds(simulatedSeconds)} of simulated time`,
    `${rate(throughput.requestsPerSecond)} requests/s, ${rate(throughput.outputTokensPerSecond)} output tokens/s, ${rate(throughput.totalTokensPerSecond)} tokens/s with prompts`,
  ];
  if (goodput !== null) {
    lines.push(
      `goodput: ${rate(goodput.requestsPerSecond)} requests/s hold every limit, ${percent(goodput.share)} of the completed`,
    );
  }
  if (sessions !== null) {
    lines.push(
      `${formatCount(sessions.completed)} sessions ended, with ${rate(sessions.requestsMean)} requests each on average`,
    );
  }
  if (failures !== undefined) {
    lines.push(
      `${formatCount(failures.failures)} failures of replicas, down ${percent(failures.downShare)} of the time: ${formatCount(failures.retried)} requests sent again (${formatCount(failures.retries)} times), ${formatCount(failures.failed)} failed, ${formatCount(failures.lostTokens)} tokens lost`,
    );
  }
  if (!stable) lines.push(`UNSTABLE: ${unstableReason}`, 'Latencies below grow with the length of the run.');
  return lines;
}

function latencyTable({
  ttft,
  ttftParts,
  itl,
  tokenGap,
  e2e,
  sessions,
  disaggregation,
}: SimulateAnswer): string {
  const rows: readonly (readonly [string, SimulateAnswer['ttft']])[] = [
    ['time to first token (TTFT)', ttft],
    [`  in the queue (front end: ${formatSeconds(ttftParts.frontEndSeconds)})`, ttftParts.queue],
    ['  prefill', ttftParts.prefill],
    ...(disaggregation === null
      ? []
      : ([
          ['  wait for memory to decode', disaggregation.decodeQueue],
          ['  transfer of the KV cache', disaggregation.transfer],
          ['  first step of the decode replica', disaggregation.firstStep],
        ] as const)),
    ['inter-token latency (ITL), per request', itl],
    ['gap between tokens, per gap', tokenGap],
    ['end to end (E2E)', e2e],
    ...(sessions === null ? [] : [['session, with its pauses', sessions.duration] as const]),
  ];
  return renderTable([
    ['', 'mean', 'p50', 'p90', 'p99'],
    ...rows.map(([name, figure]) => [
      name,
      ...(figure === null
        ? ['-', '-', '-', '-']
        : [figure.mean, figure.p50, figure.p90, figure.p99].map(formatSeconds)),
    ]),
  ]);
}

function loadLines({
  kvCache,
  batch,
  layout,
  speculation,
  disaggregation,
  hostCache,
  cost,
  energy,
}: SimulateAnswer): string[] {
  const lines = [
    `KV cache: ${formatCount(kvCache.blocks)} blocks of ${kvCache.blockTokens} tokens, in use ${percent(kvCache.occupancyMean)} on average, ${percent(kvCache.occupancyPeak)} at most`,
    `prefix cache: ${percent(kvCache.prefixHitShare)} of the prompt tokens found; ${formatCount(kvCache.preemptions)} preemptions, ${formatCount(kvCache.recomputedTokens)} tokens computed again`,
    `${formatCount(batch.steps)} steps; ${rate(batch.runningMean)} requests run and ${rate(batch.waitingMean)} wait on average; replicas compute ${percent(batch.busyShare)} of the time`,
  ];
  if (hostCache !== undefined) {
    const { hostHitTokens, hostHitShare, loadedBytes, linkBusyShare } = hostCache;
    lines.push(
      `host cache: ${formatCount(hostHitTokens)} tokens loaded, ${percent(hostHitShare)} of the prompt tokens (${formatBytes(loadedBytes)}); links busy ${percent(linkBusyShare)} of the time`,
    );
  }
  if (layout !== null) lines.push(layoutLine(layout));
  if (speculation !== null) {
    const { draftTokens, acceptanceLength, acceptedShare, speedRatio } = speculation;
    lines.push(
      `speculation: ${draftTokens} drafts a step, ${percent(acceptedShare)} accepted, ${rate(acceptanceLength)} tokens a step; decoding is ${rate(speedRatio)} times as fast as without drafts`,
    );
  }
  if (disaggregation !== null) lines.push(...poolLines(disaggregation));
  if (cost !== null) {
    lines.push(
      `$${cost.perHourUsd.toFixed(2)} per hour, $${cost.perMillionOutputUsd.toFixed(2)} per million output tokens at this load`,
    );
  }
  if (energy !== null) {
    const { watts, joulesPerRequest, joulesPerThousandOutput, gramsPerThousandOutput: grams } = energy;
    const carbon = grams === null ? '' : `, ${short(grams)} g of CO2e`;
    lines.push(
      `${formatCount(Math.round(watts))} W; ${rate(joulesPerRequest)} J per request, ${rate(joulesPerThousandOutput)} J${carbon} per 1,000 output tokens`,
    );
  }
  return lines;
}

function layoutLine({
  stages,
  dataGroups,
  dummySteps,
  bubbleShare,
}: NonNullable<SimulateAnswer['layout']>): string {
  const parts = [
    ...(stages > 1 ? [`${stages} pipeline stages, without work ${percent(bubbleShare)} of the time`] : []),
    ...(dataGroups > 1 ? [`${dataGroups} data groups, ${formatCount(dummySteps)} dummy steps`] : []),
  ];
  return `each replica: ${parts.join('; ')}`;
}

function poolLines({
  prefill,
  decode,
  transferredBytes,
  linkBusyShare,
}: NonNullable<SimulateAnswer['disaggregation']>): string[] {
  const pools = Object.entries({ prefill, decode }).map(
    ([name, { replicas, occupancyMean, occupancyPeak, busyShare }]) =>
      `${name}: ${formatCount(replicas)} ${replicas === 1 ? 'replica' : 'replicas'}, compute ${percent(busyShare)} of the time; KV cache in use ${percent(occupancyMean)} on average, ${percent(occupancyPeak)} at most`,
  );
  const link = `transfers: ${formatBytes(transferredBytes)}, links of the prefill replicas busy ${percent(linkBusyShare)} of the time`;
  return [...pools, link];
}

function verdictLines({ slo, assert }: SimulateAnswer): string[] {
  const lines: string[] = [];
  if (slo.length > 0) lines.push('');
  for (const { name, limitSeconds, seconds, holds } of slo) {
    const found = seconds === null ? 'no value' : formatSeconds(seconds);
    lines.push(`SLO ${name} <= ${formatSeconds(limitSeconds)}: ${found}, ${holds ? 'holds' : 'MISSED'}`);
  }
  if (assert.length > 0) lines.push('');
  for (const { metric, min, max, value, holds } of assert) {
    const range = [min === null ? '' : `${min} <= `, metric, max === null ? '' : ` <= ${max}`].join('');
    lines.push(
      `assert ${range}: ${value === null ? 'no value' : short(value)}, ${holds ? 'holds' : 'FAILED'}`,
    );
  }
  return lines;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function rate(value: number): string {
  return value >= 100 ? formatCount(value) : short(value);
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
