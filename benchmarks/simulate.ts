/**
 * Speed of the simulator: requests per second through the production scheduler, and memory.
 *
 *     npm run bench -- simulate [--requests 1000000] [--parts closed,open,curve,mixed] [--json]
 *     npm run bench -- simulate --parts vidur --requests 5000 --vidur FOLDER [--python PYTHON] [--rates 30,60]
 *
 * A closed loop of 256 clients keeps a batch of 256 full: prompts of 512 tokens, outputs of 100 to 300 (mean 200), steps of
 * constant cost per token, no prefix cache. The second row is an open loop at 90 % of that rate. The third is a mixed step:
 * 255 decodes and a prompt, planned and committed. The curve shows that the cost is linear in the steps. Costs are
 * processor time, which other programs of the machine inflate less than elapsed time.
 *
 * `--vidur` names a folder with the source of Vidur (github.com/microsoft/vidur), and `--python` a Python with the packages
 * of peers/vidur/requirements.txt: both simulators then answer the same trace with the same table of step times.
 */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { seconds } from '@plimsoll/foundation';
import { Scheduler } from '@plimsoll/serving';
import { reportOf, type SimulationInput, simulate } from '@plimsoll/simulator';
import { median } from './record/statistics.ts';
import { type BesideVidur, besideVidur } from './simulate/beside-vidur.ts';
import { batch, fullBatch } from './simulate/full-batch.ts';

function input(requests: number, arrivals: SimulationInput['workload']['arrivals']): SimulationInput {
  return {
    replica: {
      serving: fullBatch,
      stepSeconds: (rows) => {
        let tokens = 0;
        for (const { count } of rows) tokens += count;
        return 0.005 + tokens * 2e-5;
      },
    },
    replicaCount: 1,
    router: 'round-robin',
    workload: {
      arrivals,
      requests,
      prompt: { kind: 'fixed', value: 512 },
      output: { kind: 'uniform', min: 100, max: 300 },
      prefix: null,
      seed: 1,
    },
    frontEndSeconds: 0,
    limits: {},
    simulatedSecondsMax: 1e9,
  };
}

interface Row {
  readonly name: string;
  readonly requests: number;
  readonly steps: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly requestsPerSecond: number;
  readonly microsecondsPerStep: number;
  readonly residentMiB: number;
}

function timed(name: string, requests: number, arrivals: SimulationInput['workload']['arrivals']): Row {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  const asked = input(requests, arrivals);
  const { batch: load, throughput } = reportOf(asked, simulate(asked));
  const elapsed = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuStart);
  simulatedRate = throughput.requestsPerSecond;
  return {
    name,
    requests,
    steps: load.steps,
    seconds: elapsed,
    cpuSeconds: (user + system) / 1e6,
    requestsPerSecond: requests / elapsed,
    microsecondsPerStep: (user + system) / load.steps,
    residentMiB: process.memoryUsage.rss() / 2 ** 20,
  };
}

/** Requests per second of simulated time in the last run. */
let simulatedRate = 0;

/** Microseconds of a step with 255 decodes and the whole prompt of a new sequence: median and best of 50 windows. */
function mixedSteps(): { readonly median: number; readonly best: number } {
  const scheduler = new Scheduler(fullBatch);
  const prompt = { length: 512 };
  // Outputs of 1 to 256 tokens: one sequence ends in each step, and a new sequence takes its place.
  for (let count = 0; count < batch; count++) {
    scheduler.submit({ prompt, outputTokensMax: count + 1 }, seconds(0));
  }
  const stepsPerWindow = 500;
  const windows = Array.from({ length: 60 }, (_, window) => {
    const start = process.cpuUsage();
    for (let step = 0; step < stepsPerWindow; step++) {
      while (scheduler.liveCount < batch)
        scheduler.submit({ prompt, outputTokensMax: batch }, seconds(window));
      scheduler.step(seconds(window));
      scheduler.commitCounted(seconds(window));
    }
    const { user, system } = process.cpuUsage(start);
    return (user + system) / stepsPerWindow;
  }).slice(10);
  return { median: median(windows), best: Math.min(...windows) };
}

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    parts: { type: 'string', default: 'closed,open,curve,mixed' },
    vidur: { type: 'string', default: '' },
    python: { type: 'string', default: 'python3' },
    rates: { type: 'string', default: '30,60' },
    json: { type: 'boolean', default: false },
  },
});
const requests = Number(values.requests);
const parts = new Set(values.parts.split(','));
// Other programs of the machine slow every row, so the record says how many there were.
const [loadBefore = 0] = loadavg();
// A long run outlives its commit.
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const closed = { kind: 'closed', clients: batch, thinkSeconds: { kind: 'fixed', value: 0 } } as const;
const rows = [timed('warm-up', 2000, closed)];
const rate = simulatedRate;
if (parts.has('closed')) rows.push(timed('closed loop, 256 clients', requests, closed));
if (parts.has('open')) {
  const open = { kind: 'poisson', requestsPerSecond: 0.9 * rate } as const;
  rows.push(timed('open loop at 90 % of that rate', requests, open));
}
if (parts.has('curve')) {
  for (const part of [16, 4, 2])
    rows.push(timed(`closed loop, 1/${part} of the requests`, requests / part, closed));
}
const mixed = parts.has('mixed') ? mixedSteps() : null;
const beside = parts.has('vidur')
  ? besideVidur({
      folder: values.vidur,
      python: values.python,
      requests,
      requestsPerSecond: values.rates.split(',').map(Number),
    })
  : [];
const machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
  loadBefore,
  loadAfter: loadavg()[0] ?? 0,
  commit,
};
if (values.json)
  process.stdout.write(
    `${JSON.stringify({ machine, rows, mixedStepMicroseconds: mixed, besideVidur: beside }, null, 2)}\n`,
  );
else {
  process.stdout.write(
    `${machine.cores} x ${machine.cpu}, Node ${machine.node}, ${machine.date}, ${machine.commit}, load ${loadBefore.toFixed(1)} before and ${machine.loadAfter.toFixed(1)} after\n\n`,
  );
  for (const { name, ...row } of rows) {
    const cells = [
      row.requests.toLocaleString('en-US').padStart(10),
      row.steps.toLocaleString('en-US').padStart(11),
      `${row.seconds.toFixed(1)} s`.padStart(9),
      `(cpu ${row.cpuSeconds.toFixed(1)} s)`.padStart(14),
      `${Math.round(row.requestsPerSecond).toLocaleString('en-US')}/s`.padStart(10),
      `${row.microsecondsPerStep.toFixed(1)} us/step`.padStart(14),
      `${Math.round(row.residentMiB)} MiB`.padStart(9),
    ];
    process.stdout.write(`${name.padEnd(38)}${cells.join(' ')}\n`);
  }
  if (mixed !== null)
    process.stdout.write(
      `\na mixed step of ${batch} rows: median ${mixed.median.toFixed(1)} us, best window ${mixed.best.toFixed(1)} us\n`,
    );
  for (const row of beside) process.stdout.write(vidurLines(row));
}

function vidurLines({ name, seconds: cost, figures, ...row }: BesideVidur): string {
  const perSecond = (processorSeconds: number): string =>
    `${Math.round(row.requests / processorSeconds).toLocaleString('en-US')} requests/s`;
  const times = (vidur: number): string => `${(vidur / cost.own).toFixed(0)} times`;
  const figure = (label: string, key: keyof typeof figures.own): string =>
    `  ${label.padEnd(10)} ${(figures.own[key] * 1000).toFixed(2).padStart(9)} ms, Vidur ${(figures.vidur[key] * 1000).toFixed(2).padStart(9)} ms\n`;
  return [
    `\n${name}: ${row.requests} requests, ${row.requestsPerSecond}/s, ${row.runningMean.toFixed(0)} run on average\n`,
    `  this simulator ${perSecond(cost.own)}\n`,
    `  Vidur with its metrics ${perSecond(cost.vidur)}: ${times(cost.vidur)}; without ${perSecond(cost.vidurWithoutMetrics)}: ${times(cost.vidurWithoutMetrics)}\n`,
    figure('TTFT p50', 'ttftP50'),
    figure('TTFT p99', 'ttftP99'),
    figure('ITL p50', 'itlP50'),
    figure('ITL p99', 'itlP99'),
  ].join('');
}
