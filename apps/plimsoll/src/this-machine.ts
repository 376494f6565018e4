/** This machine as a device for plans of our own engine. */
import { availableParallelism } from 'node:os';
import { usualThreadsMax } from '@plimsoll/planner/engine-memory';
import { memoryLimit } from './memory-limit.ts';
import { printMessage } from './output.ts';
import type { PlanFlags } from './plan-flags.ts';

export function usualThreads(): number {
  return Math.min(availableParallelism(), usualThreadsMax);
}

/**
 * Fills in this machine's memory and threads, unless the flags state them, so that the plan is that of `plimsoll run` or
 * `plimsoll serve`.
 */
export function flagsOfThisMachine(flags: PlanFlags): PlanFlags {
  const limit = memoryLimit(flags.memory);
  if (flags.memory === undefined)
    printMessage(
      `No device was named: planning this machine with ${limit.source}, at the speed of generic-cpu.`,
    );
  return {
    ...flags,
    gpu: 'generic-cpu',
    memory: `${limit.bytes}B`,
    threads: flags.threads ?? String(usualThreads()),
  };
}
