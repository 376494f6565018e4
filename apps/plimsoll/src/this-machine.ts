/** This machine as a device: what our own engine would get here. */
import { availableParallelism } from 'node:os';
import { usualThreadsMax } from '@plimsoll/planner/engine-memory';
import { memoryLimit } from './memory-limit.ts';
import { printMessage } from './output.ts';
import type { PlanFlags } from './plan-flags.ts';

export function usualThreads(): number {
  return Math.min(availableParallelism(), usualThreadsMax);
}

/** The flags that plan what `plimsoll run` would hold here: its memory and its threads, unless they are named. */
export function flagsOfThisMachine(flags: PlanFlags): PlanFlags {
  const limit = memoryLimit(flags.memory);
  if (flags.memory === undefined)
    printMessage(`No device was named: this machine with ${limit.source}, at the speed of generic-cpu.`);
  return {
    ...flags,
    gpu: 'generic-cpu',
    memory: `${limit.bytes}B`,
    threads: flags.threads ?? String(usualThreads()),
  };
}
