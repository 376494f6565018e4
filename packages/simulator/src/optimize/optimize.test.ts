/** The search finds what a search without bounds finds, and no simulation beats its bounds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reportOf, type SimulationReport } from '../report.ts';
import type { Slo } from '../scenario/slo-text.ts';
import { type SimulationInput, simulate } from '../simulate.ts';
import { plainReplica, simulationInput } from '../testing.test-data.ts';
import { sloVerdicts } from '../verdicts.ts';
import { brokenSlo, replicasMin, requestRateMax } from './closed-bounds.ts';
import { endsWithoutHope } from './early-end.ts';
import { type OfferedLoad, offeredLoad } from './offered-load.ts';
import { type OptimizeProblem, type OptimizeResult, optimize, runnerUpOf } from './optimize.ts';
import { hourlyUsd, type Objective, objectiveValue, paretoFront, type Trial, tightest } from './trial.ts';

/** A device: the factor of its step times, and its price. */
interface Device {
  readonly name: string;
  readonly slowness: number;
  readonly perHourUsd: number | null;
  readonly devices: number;
  readonly quality: number;
}

const device = (
  name: string,
  slowness: number,
  perHourUsd: number | null,
  rest: Partial<Device> = {},
): Device => ({
  ...{ name, slowness, perHourUsd, devices: 1, quality: 0 },
  ...rest,
});

function inputOf({ slowness }: Device, rate: number, requests = 80): SimulationInput {
  return simulationInput({
    replica: { ...plainReplica, stepSeconds: (rows) => slowness * plainReplica.stepSeconds(rows) },
    load: { arrivals: { kind: 'poisson', requestsPerSecond: rate }, requests },
    frontEndSeconds: 0.01,
    limits: { ttftSeconds: 1 },
  });
}

interface Question {
  readonly devices: readonly Device[];
  readonly rate: number;
  readonly slo: Slo;
  readonly objective?: Objective;
  readonly devicesMax?: number;
  readonly prunes?: boolean;
}

const loadOf = (input: SimulationInput): OfferedLoad => offeredLoad(input.workload, false);

function search(question: Question): OptimizeResult<Device> {
  const { devices, rate, slo, objective = 'cost', devicesMax = 16, prunes = true } = question;
  const problem: OptimizeProblem<Device> = {
    ...{ objective, slo, devicesMax, prunes },
    load: loadOf(inputOf(device('any', 1, 1), rate)),
    options: devices.map((candidate) => ({
      ...{ candidate, hardware: candidate.name, devices: candidate.devices, quality: candidate.quality },
      perHourUsd: candidate.perHourUsd,
    })),
    boundedOf: (candidate) => inputOf(candidate, rate),
    requests: inputOf(device('any', 1, 1), rate).workload.requests,
    simulate: (candidate, replicas, endsEarly) =>
      reportOfRun({
        ...inputOf(candidate, rate),
        replicaCount: replicas,
        ...(endsEarly !== undefined && { endsEarly }),
      }),
  };
  return optimize(problem);
}

function reportOfRun(input: SimulationInput): SimulationReport {
  return reportOf(input, simulate(input));
}

const said = (trial: Trial<Device> | null | undefined): string | null =>
  trial === null || trial === undefined ? null : `${trial.replicas} x ${trial.option.candidate.name}`;

const shop: readonly Device[] = [
  device('fast', 0.5, 4),
  device('usual', 1, 1.5),
  device('slow', 2, 0.5),
  device('slower', 5, 0.3),
  device('pair', 0.6, 3, { devices: 2 }),
];

describe('the search', () => {
  const slo: Slo = { 'ttft-p99': '300ms', 'itl-p99': '50ms' };

  test('takes the cheapest that holds the limits, and says what it left out', () => {
    const { meeting, counts, trials } = search({ devices: shop, rate: 6, slo });
    expect([said(meeting[0]), said(runnerUpOf(meeting))]).toMatchInlineSnapshot(`
      [
        "2 x slow",
        "1 x usual",
      ]
    `);
    expect(counts).toMatchInlineSnapshot(`
      {
        "dearer": 0,
        "leftOver": 0,
        "simulated": 4,
        "tooLarge": 0,
        "tooSlow": 1,
      }
    `);
    expect(trials.length).toBeGreaterThanOrEqual(counts.simulated);
  });

  test('one replica fewer than the winner misses a limit', () => {
    const [winner] = search({ devices: shop, rate: 12, slo }).meeting;
    expect(winner?.replicas).toBeGreaterThan(1);
    const fewer = search({
      devices: shop.filter(({ name }) => name === winner?.option.candidate.name),
      rate: 12,
      slo,
      devicesMax: (winner?.replicas ?? 0) - 1,
    });
    expect(fewer.meeting).toEqual([]);
  });

  test('objectives', () => {
    const best = (objective: Objective): string | null =>
      said(search({ devices: shop, rate: 12, slo, objective, devicesMax: 8 }).meeting[0]);
    expect([best('cost'), best('gpus'), best('goodput')]).toMatchInlineSnapshot(`
      [
        "3 x slow",
        "1 x fast",
        "8 x fast",
      ]
    `);
  });

  test('of equal values, the one of better quality', () => {
    const twins = [device('narrow', 0.9, 1, { quality: 3 }), device('own', 1, 1)];
    expect(said(search({ devices: twins, rate: 2, slo }).meeting[0])).toBe('1 x own');
  });

  test('nothing holds: the nearest by simulation or by its bound', () => {
    const strict = search({ devices: shop, rate: 2, slo: { 'itl-p50': '1ms' } });
    expect(strict.meeting).toEqual([]);
    expect(strict.nearestBound?.option.hardware).toBe('fast');
    expect(strict.counts).toMatchObject({ simulated: 0, tooSlow: shop.length });
    const few = search({ devices: shop, rate: 500, slo, devicesMax: 2 });
    expect(few.counts).toMatchObject({ simulated: 0, tooSlow: 1, tooLarge: shop.length - 1 });
  });

  test('equal questions give equal results', () => {
    const ask = (): string => JSON.stringify(search({ devices: shop, rate: 6, slo }).trials);
    expect(ask()).toBe(ask());
  });

  test('bounds change no winner', () => {
    const devices = fc.array(
      fc.record({ slowness: fc.constantFrom(0.3, 0.7, 1.5, 3), price: fc.integer({ min: 1, max: 9 }) }),
      { minLength: 9, maxLength: 11 },
    );
    const limits = fc.constantFrom<Slo>({ 'ttft-p90': '150ms' }, { 'itl-p99': '25ms', 'e2e-p99': '4s' });
    fc.assert(
      fc.property(devices, limits, (drawn, limit) => {
        const question: Question = {
          devices: drawn.map(({ slowness, price }, index) => device(`device ${index}`, slowness, price)),
          ...{ rate: 5, slo: limit, devicesMax: 4 },
        };
        const [pruned, whole] = [search(question), search({ ...question, prunes: false })];
        expect(pruned.trials.length).toBeLessThanOrEqual(whole.trials.length);
        expect(said(pruned.meeting[0])).toBe(said(whole.meeting[0]));
      }),
      { numRuns: 5 },
    );
  });
});

describe('closed bounds', () => {
  const names = ['ttft', 'itl', 'e2e', 'token-gap'].flatMap((figure) =>
    ['mean', 'p50', 'p90', 'p99'].map((statistic) => `${figure}-${statistic}`),
  );

  test('no run is faster than its bound', () => {
    for (const rate of [0.5, 4, 12]) {
      const input = inputOf(device('any', 1, 1), rate);
      const report = reportOfRun(input);
      for (const name of names) {
        const broken = brokenSlo(input, loadOf(input), { [name]: 1e-9 });
        const [figure = '', statistic = ''] = name.split(/-(?=[a-z0-9]+$)/);
        const found = { ttft: report.ttft, itl: report.itl, e2e: report.e2e, 'token-gap': report.tokenGap }[
          figure
        ];
        const seconds = found?.[statistic as keyof typeof found] ?? 0;
        // Percentiles of gaps are those of a histogram, within 0.25 %.
        expect(broken?.seconds, name).toBeLessThanOrEqual(seconds * 1.0025);
        expect(broken?.seconds, name).toBeGreaterThan(0);
      }
    }
  });

  test('no replica serves more than its rate', () => {
    const input = inputOf(device('any', 1, 1), 40, 600);
    const most = requestRateMax(input, loadOf(input));
    expect(reportOfRun(input).throughput.requestsPerSecond).toBeLessThanOrEqual(most);
    const least = replicasMin(input, loadOf(input), { slo: {}, requests: 80 });
    expect(least).toBe(Math.floor(40 / most) + 1);
    expect(reportOfRun({ ...input, replicaCount: least - 1 }).stable).toBe(false);
  });

  test('a shared prefix may be cached', () => {
    const { workload } = inputOf(device('any', 1, 1), 4);
    const shared = { ...workload, prefix: { tokens: 40, groups: 2 } };
    const [without, cached] = [offeredLoad(shared, false), offeredLoad(shared, true)];
    expect(cached.computedMean).toBeCloseTo(without.computedMean - 40, 6);
    expect(cached.promptMean).toBe(without.promptMean);
  });

  test('clients in a loop have no rate', () => {
    const { workload } = inputOf(device('any', 1, 1), 4);
    const thinkSeconds = { kind: 'fixed', value: 0 } as const;
    const loop = offeredLoad({ ...workload, arrivals: { kind: 'closed', clients: 9, thinkSeconds } }, true);
    expect(loop).toMatchObject({ requestsPerSecond: null, clients: 9 });
    expect(replicasMin(inputOf(device('any', 1, 1), 4), loop, { slo: {}, requests: 80 })).toBe(1);
  });
});

test('a run that ends early misses its limit as a whole run too', () => {
  let ended = 0;
  for (const limit of ['100ms', '300ms', '1s']) {
    for (const name of ['ttft-p50', 'ttft-p90', 'e2e-p99', 'itl-p90', 'queue-p99']) {
      const slo: Slo = { [name]: limit };
      const input = inputOf(device('any', 1, 1), 8);
      const endsEarly = endsWithoutHope(slo, input.workload.requests);
      const [early, whole] = [reportOfRun({ ...input, endsEarly }), reportOfRun(input)];
      const isEnded = early.requests.completed < whole.requests.completed;
      if (isEnded) ended++;
      const [holds] = sloVerdicts(whole, { slo }).map((verdict) => verdict.holds);
      expect(isEnded && holds === true, `${name} ${limit}`).toBe(false);
      expect(sloVerdicts(early, { slo })[0]?.holds).toBe(holds);
    }
  }
  expect(ended).toBeGreaterThan(3);
});

test('the front has no row that another beats', () => {
  const { trials } = search({ devices: shop, rate: 6, slo: { 'ttft-p99': '5s' } });
  const front = paretoFront(trials);
  expect(front.length).toBeGreaterThan(1);
  for (const trial of trials) {
    const beaten = trials.some(
      (other) =>
        (hourlyUsd(other) ?? 0) < (hourlyUsd(trial) ?? 0) &&
        objectiveValue('goodput', other) < objectiveValue('goodput', trial) &&
        (tightest(other.slo)?.share ?? 0) < (tightest(trial.slo)?.share ?? 0),
    );
    if (beaten) expect(front).not.toContain(trial);
  }
});
