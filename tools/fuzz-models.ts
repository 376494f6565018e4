/**
 * Runs mutated model files through all code that reads them, and reports every outcome besides a result or a
 * PlimsollError:
 *
 *   node tools/fuzz-models.ts --count 20000 --seed 1          a few minutes
 *   node tools/fuzz-models.ts --count 2000000                 a night; the seed is the day's
 *   node tools/fuzz-models.ts --seed 1 --first 4711 --count 1 one case again; --keep DIR leaves its files there
 */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { makeCase } from './fuzz/case.ts';
import { type FuzzSummary, fuzzModels } from './fuzz/fuzz-run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '3000' },
    processes: { type: 'string', default: String(availableParallelism()) },
    keep: { type: 'string' },
  },
});
const dayMs = 86_400_000;
const seed = Number(values.seed ?? Math.floor(Date.now() / dayMs));
const first = Number(values.first);
const count = Number(values.count);

if (values.keep !== undefined) {
  await mkdir(values.keep, { recursive: true });
  const { path, kind, what } = await makeCase(seed, first, values.keep);
  process.stdout.write(`${kind}: ${what}\n${path}\n`);
}
const startedAt = performance.now();
const isTerminal = process.stderr.isTTY === true;
const summary = await fuzzModels({
  seed,
  first,
  count,
  processes: Math.min(count, Number(values.processes)),
  onProgress: (done) => {
    if (isTerminal && done % 50 === 0) process.stderr.write(`\r${done} of ${count} `);
  },
});
report(summary, (performance.now() - startedAt) / 1000);
process.exitCode = summary.findings.length === 0 ? 0 : 1;

function report({ cases, outcomes, findings }: FuzzSummary, seconds: number): void {
  const lines = [...outcomes]
    .toSorted(([, left], [, right]) => right - left)
    .map(([outcome, times]) => `${String(times).padStart(8)}  ${outcome}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  for (const { number, kind, what, problem } of findings) {
    const again = `node tools/fuzz-models.ts --seed ${seed} --first ${number} --count 1`;
    process.stdout.write(
      `\ncase ${number} of seed ${seed}, ${kind}: ${what}\n${problem}\n  again: ${again}\n`,
    );
  }
  const verdict = `${findings.length} findings`;
  process.stdout.write(`${cases} cases of seed ${seed} in ${seconds.toFixed(0)} s, ${verdict}\n`);
}
