/**
 * One thread's share of a load. The thread takes the next free run, reads it, converts and repacks it into its final
 * place, and counts its bytes. Threads share only the counters, so that one reads while another repacks, and each
 * thread is the first to touch the arena pages that it fills.
 */
import { defined } from '@plimsoll/foundation';
import type { KernelOperation } from '@plimsoll/kernels';
import { type Run, runsOf } from './load-runs.ts';
import { type LoadTask, takeRun } from './load-task.ts';
import { notFinite } from './not-finite.ts';
import { writePlain } from './plain-tensor.ts';
import { fillExactly } from './read-exactly.ts';
import { repackRows, storeRows } from './store-rows.ts';

/** An arena as this thread sees it: its memory, and a function that runs kernel operations on it. */
export interface ShareArena {
  readonly buffer: ArrayBufferLike;
  run(operations: readonly KernelOperation[]): void;
}

export class LoadShare {
  readonly #task: LoadTask;
  readonly #arenas: readonly ShareArena[];
  readonly #runs: Generator<Run, void>;
  /** Number of the run that the generator yields next. */
  #place = 0;
  /** Host buffer for data that cannot be read straight into an arena. */
  #host = new Uint8Array(0);

  constructor(task: LoadTask, arenas: readonly ShareArena[]) {
    this.#task = task;
    this.#arenas = arenas;
    this.#runs = runsOf(task.jobs, task.passages);
  }

  /** Loads one run and returns its bytes in the file; null if no run is left. */
  loadNext(): number | null {
    const run = this.#take();
    if (run === null) return null;
    this.#store(run);
    Atomics.add(this.#task.signal.loadedBytes, 0, BigInt(run.length));
    return run.length;
  }

  #take(): Run | null {
    for (const number = takeRun(this.#task.signal); ; this.#place++) {
      const next = this.#runs.next();
      if (next.done === true) return null;
      if (this.#place !== number) continue;
      this.#place++;
      return next.value;
    }
  }

  #store(run: Run): void {
    const { tensor, source } = run.job;
    const { buffer, run: runOperations } = defined(this.#arenas[tensor.arena], 'a tensor lies in an arena');
    if (tensor.layout === 'rows') {
      const values = new Float32Array(buffer, tensor.offset, tensor.rows * tensor.columns);
      const host = this.#read(run, this.#hostRoom(run.length));
      writePlain(values, host, { name: displayName(run), type: source.type });
      return;
    }
    const room = defined(this.#task.passages[tensor.arena], 'a tensor lies in an arena');
    const passage = { buffer, room, run: runOperations };
    const rowsOfRun = { tensor, firstRow: run.firstRow, rows: run.rows };
    let bad: number;
    if (tensor.conversion === 'copy') {
      this.#read(run, new Uint8Array(buffer, room.start, run.length));
      bad = repackRows(passage, rowsOfRun, room.start);
    } else {
      bad = storeRows(passage, rowsOfRun, this.#read(run, this.#hostRoom(run.length)));
    }
    if (bad > 0) throw notFinite(displayName(run), bad);
  }

  #read({ job, start, length }: Run, target: Uint8Array): Uint8Array {
    const { file: index, offset, name } = job.source;
    const file = defined(this.#task.files[index], 'a tensor lies in a file');
    fillExactly(file, target.subarray(0, length), { offset: offset + start, name });
    return target;
  }

  #hostRoom(length: number): Uint8Array {
    if (this.#host.length < length) this.#host = new Uint8Array(length);
    return this.#host.subarray(0, length);
  }
}

function displayName({ job }: Run): string {
  const { layer, name, slice, slices } = job.tensor;
  return `${layer === null ? '' : `blk.${layer}.`}${name}${slices > 1 ? ` [${slice}]` : ''}`;
}
