/**
 * Time of `plimsoll rank` over the whole registry, as a person starts it: a new process each time.
 *
 *     npm run bench -- rank [--runs 5] [--json]
 *
 * The questions are a dense model, a mixture, a model with windows, a large one under a limit of time, and few users, who
 * may be served by an engine of files. Fails if the fastest run of a question takes longer than the program promises.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PlimsollError } from '@plimsoll/foundation';
import { runBenchmark } from './record/run-benchmark.ts';
import { describeRun, runLines } from './record/run-description.ts';
import { median } from './record/statistics.ts';

const program = join(import.meta.dirname, '../apps/plimsoll/bin/plimsoll.js');

/** Limit of the fastest run on a quiet machine of two cores. */
const millisecondsMax = 2000;

const questions = [
  'Qwen/Qwen3-32B --users 16 --context 32k',
  'Qwen/Qwen3-32B --users 16 --context 32k --max-tpot 50',
  'meta-llama/Llama-3.3-70B-Instruct --users 32 --context 16k --max-tpot 20',
  'google/gemma-3-27b-it --users 8 --context 32k',
  'deepseek-ai/DeepSeek-V3 --users 64 --context 16k',
  'openai/gpt-oss-20b --users 2 --context 32k',
];

interface Timed {
  readonly question: string;
  readonly rows: number;
  readonly fastestMilliseconds: number;
  readonly medianMilliseconds: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '5' }, json: { type: 'boolean', default: false } },
  });
  const run = describeRun('rank', process.argv.slice(2));
  const timed = questions.map((question) => timeOf(question, Math.max(1, Number(values.runs))));
  const lines = timed.map(
    ({ question, rows, fastestMilliseconds, medianMilliseconds }) =>
      `| \`plimsoll rank ${question}\` | ${rows} | ${fastestMilliseconds.toFixed(0)} | ${medianMilliseconds.toFixed(0)} |`,
  );
  const table = ['| command | rows | fastest, ms | median, ms |', '|---|--:|--:|--:|', ...lines].join('\n');
  process.stdout.write(
    values.json ? `${JSON.stringify({ run, timed }, null, 2)}\n` : `${runLines(run)}\n\n${table}\n`,
  );
  const slow = timed.find(({ fastestMilliseconds }) => fastestMilliseconds > millisecondsMax);
  if (slow === undefined) return;
  throw new PlimsollError({
    code: 'slow-ranking',
    message: `plimsoll rank ${slow.question} takes ${slow.fastestMilliseconds.toFixed(0)} ms`,
    limit: `${millisecondsMax} ms`,
    hint: 'measure again on a quiet machine; node --cpu-prof shows what the plans spend',
  });
}

function timeOf(question: string, runs: number): Timed {
  const times: number[] = [];
  let rows = 0;
  for (let index = 0; index < runs; index++) {
    const started = performance.now();
    const child = spawnSync(process.execPath, [program, 'rank', ...question.split(' '), '--json'], {
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
    });
    times.push(performance.now() - started);
    if (child.status !== 0) throw new Error(`rank ${question} ended with ${child.status}: ${child.stderr}`);
    rows = (JSON.parse(child.stdout) as { readonly rows: readonly object[] }).rows.length;
  }
  return { question, rows, fastestMilliseconds: Math.min(...times), medianMilliseconds: median(times) };
}

await runBenchmark(main);
