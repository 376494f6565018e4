/**
 * Speed of the planner compared with mlsysim: solves per second, the whole grid in one process, and the cold command.
 *
 *     npm run bench -- plan [--quick] [--without-mlsysim] [--json]
 *
 * A full run writes benchmarks/results with machine, commit and date, and compares itself with the previous run; a
 * quick run only prints. mlsysim runs on the Python of PLIMSOLL_PYTHON, or in an environment under node_modules/.cache.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { EngineName } from '@plimsoll/planner';
import { coldTimes } from './plan/cold-command.ts';
import type { GridResult } from './plan/grid.ts';
import { startMlsysim } from './plan/mlsysim-process.ts';
import type { PlanRecord } from './plan/plan-record.ts';
import { renderRecord } from './plan/report.ts';
import { solveSpeed } from './plan/solve-speed.ts';
import { previousRecord, writeRecord } from './record/record-files.ts';
import { runBenchmark } from './record/run-benchmark.ts';
import { describeRun } from './record/run-description.ts';

const fullCounts = { repetitions: 5, mlsysimSolves: 300, solves: 1_000_000, prepares: 50_000 };
const quickCounts = { repetitions: 2, mlsysimSolves: 60, solves: 200_000, prepares: 5_000 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      'without-mlsysim': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const isQuick = values.quick;
  const run = describeRun('plan', process.argv.slice(2));
  const mlsysim = values['without-mlsysim'] ? null : await startMlsysim();
  const speed = await solveSpeed(isQuick ? quickCounts : fullCounts, mlsysim);
  mlsysim?.close();
  const grids = (['none', 'vllm'] as const).map((engine) => gridOf(engine, isQuick ? 10 : 1));
  const cold = coldTimes(isQuick ? 5 : 20);
  const record: PlanRecord = { run, mlsysimAnswer: mlsysim?.first ?? null, speed, grids, cold };
  const text = renderRecord(record, isQuick ? null : previousRecord<PlanRecord>('plan'));
  process.stdout.write(values.json ? `${JSON.stringify(record, null, 2)}\n` : text);
  if (!isQuick) writeRecord('plan', record, text);
}

function gridOf(engine: EngineName, modelStep: number): GridResult {
  const program = join(import.meta.dirname, 'plan/grid.ts');
  const child = spawnSync(process.execPath, [program, engine, String(modelStep)], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`the grid ended with ${child.status}: ${child.stderr}`);
  return JSON.parse(child.stdout) as GridResult;
}

await runBenchmark(main);
