/** Measures `plimsoll plan` as a person starts it: a new process each time, compared with an empty Node as the floor. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, quantile } from '../record/statistics.ts';

const program = join(import.meta.dirname, '../../apps/plimsoll/bin/plimsoll.js');
const planArguments = ['plan', 'meta-llama/Llama-3.1-8B-Instruct', '--gpu', 'h100', '--context', '128k'];

export const coldCommand = `node apps/plimsoll/bin/plimsoll.js ${planArguments.join(' ')}`;

export interface ColdTimes {
  readonly runs: number;
  readonly medianMilliseconds: number;
  readonly p90Milliseconds: number;
  /** Milliseconds with an empty compile cache, like the first run after an installation. */
  readonly firstRunMilliseconds: number;
  readonly emptyNodeMilliseconds: number;
}

export function coldTimes(runs: number): ColdTimes {
  const cache = mkdtempSync(join(tmpdir(), 'plimsoll-bench-'));
  try {
    const first = Array.from({ length: 3 }, (_, index) =>
      runOnce([program, ...planArguments], join(cache, `first-${index}`)),
    );
    const warm = join(cache, 'warm');
    runOnce([program, ...planArguments], warm);
    const plans: number[] = [];
    const empty: number[] = [];
    for (let run = 0; run < runs; run++) {
      plans.push(runOnce([program, ...planArguments], warm));
      empty.push(runOnce(['-e', '0'], warm));
    }
    return {
      runs,
      medianMilliseconds: median(plans),
      p90Milliseconds: quantile(plans, 0.9),
      firstRunMilliseconds: median(first),
      emptyNodeMilliseconds: median(empty),
    };
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

function runOnce(nodeArguments: readonly string[], compileCache: string): number {
  const started = performance.now();
  const run = spawnSync(process.execPath, nodeArguments, {
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    encoding: 'utf8',
  });
  const milliseconds = performance.now() - started;
  if (run.status !== 0) {
    throw new Error(`${nodeArguments.join(' ')} ended with ${run.status ?? run.signal}: ${run.stderr}`);
  }
  return milliseconds;
}
