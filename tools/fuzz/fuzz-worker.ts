/**
 * The process that runs cases. It may trap, hang or grow, so its parent watches it. It reports the start and the
 * outcome of each case. Arguments: seed, first number, end, step.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { provokedTrial } from './canary.ts';
import { makeCase } from './case.ts';
import { runTrial, trialMemoryBytes } from './trial.ts';

export type WorkerMessage =
  | { readonly begun: number; readonly kind: string; readonly what: string }
  | { readonly ended: number; readonly outcome: string }
  | { readonly ended: number; readonly finding: string };

/** Most bytes by which the process may exceed the engine's limit (large-model.test.ts enforces the same limit). */
const overheadBytesMax = 150 * MiB;
/** Limit of processor time per case, which does not depend on the load of the machine. */
const cpuSecondsMax = 10;
/** Above this size the worker collects the garbage of earlier cases, so that the peak of a case is its own. */
const collectAboveBytes = 320 * MiB;

const [seed = 0, first = 0, end = 0, step = 1] = process.argv.slice(2, 6).map(Number);
const canary = process.argv[6] ?? '';
const scratch = await mkdtemp(join(tmpdir(), 'fuzz-models-'));
let peakBytes = trialMemoryBytes + overheadBytesMax;

function send(message: WorkerMessage): void {
  process.send?.(message);
}

function peakOfProcess(): number {
  return 1024 * process.resourceUsage().maxRSS;
}

async function tryCase(number: number): Promise<void> {
  const directory = await mkdtemp(join(scratch, 'case-'));
  if (process.memoryUsage.rss() > collectAboveBytes) globalThis.gc?.();
  const before = process.cpuUsage();
  try {
    const made = await makeCase(seed, number, directory);
    const { kind, what } = made;
    send({ begun: number, kind, what });
    const outcome = canary === '' ? await runTrial(made, number) : await provokedTrial(canary);
    const { user, system } = process.cpuUsage(before);
    const cpuSeconds = (user + system) / 1e6;
    if (peakOfProcess() > peakBytes) {
      peakBytes = peakOfProcess();
      send({ ended: number, finding: `memory: ${Math.round(peakBytes / MiB)} MiB, ${outcome}` });
    } else if (cpuSeconds > cpuSecondsMax) {
      send({ ended: number, finding: `slow: ${cpuSeconds.toFixed(1)} s of the processor, ${outcome}` });
    } else send({ ended: number, outcome });
  } catch (error) {
    send({ ended: number, finding: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

for (let number = first; number < end; number += step) {
  try {
    await tryCase(number);
  } catch (error) {
    // The writers may refuse a mutation; the number is then skipped.
    if (!(error instanceof PlimsollError)) throw error;
  }
}
await rm(scratch, { recursive: true, force: true });
process.disconnect?.();
