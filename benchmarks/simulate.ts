/**
 * Speed of the simulator: requests per second through the production scheduler, and memory.
 *
 *     npm run bench -- simulate [--requests 1000000] [--parts closed,open,curve,mixed] [--json]
 *
 * A closed loop of 256 clients keeps a batch of 256 full: prompts of 512 tokens, outputs of 100 to 300 (mean 200), steps of
 * constant cost per token, no prefix cache. The second row is an open loop at 90 % of that rate. The third is a mixed step:
 * 255 decodes and a prompt, planned and committed. The curve shows that the cost is linear in the steps.
 */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { seconds } from '@plimsoll/foundation';
import { policies, Scheduler, type ServingConfig } from '@plimsoll/serving';
import { reportOf, type SimulationInput, simulate } from '@plimsoll/simulator';
import { median } from './record/statistics.ts';

const batch = 256;
const serving: ServingConfig = {
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

function input(requests: number, arrivals: SimulationInput['workload']['arrivals']): SimulationInput {
  return {
    replica: {
      serving,
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
  /** Processor time, which other programs of a busy machine inflate less. */
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
    microsecondsPerStep: (elapsed / load.steps) * 1e6,
    residentMiB: process.memoryUsage.rss() / 2 ** 20,
  };
}

/** Requests per second of simulated time in the last run. */
let simulatedRate = 0;

/** Microseconds of a step with 255 decodes and the whole prompt of a new sequence: median and best of 100 windows. */
function mixedSteps(): { readonly median: number; readonly best: number } {
  const scheduler = new Scheduler(serving);
  const prompt = { length: 512 };
  // Outputs of 1 to 256 tokens: one sequence ends in each step, and a new sequence takes its place.
  for (let count = 0; count < batch; count++) {
    scheduler.submit({ prompt, outputTokensMax: count + 1 }, seconds(0));
  }
  const stepsPerWindow = 50;
  const windows = Array.from({ length: 200 }, (_, window) => {
    const start = performance.now();
    for (let step = 0; step < stepsPerWindow; step++) {
      while (scheduler.liveCount < batch)
        scheduler.submit({ prompt, outputTokensMax: batch }, seconds(window));
      scheduler.step(seconds(window));
      scheduler.commitCounted(seconds(window));
    }
    return ((performance.now() - start) / stepsPerWindow) * 1000;
  }).slice(100);
  return { median: median(windows), best: Math.min(...windows) };
}

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    parts: { type: 'string', default: 'closed,open,curve,mixed' },
    json: { type: 'boolean', default: false },
  },
});
const requests = Number(values.requests);
const parts = new Set(values.parts.split(','));
// Other programs of the machine slow every row, so the record says how many there were.
const [loadBefore = 0] = loadavg();
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
const machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
  loadBefore,
  loadAfter: loadavg()[0] ?? 0,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
};
if (values.json)
  process.stdout.write(`${JSON.stringify({ machine, rows, mixedStepMicroseconds: mixed }, null, 2)}\n`);
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
}
