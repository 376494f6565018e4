/**
 * One thread's share of a load: it takes the next run that nobody has taken, reads it, converts and repacks it to where
 * it will stay, and counts it. Threads meet nowhere else, so that one may read while another repacks, and each touches
 * the fresh pages of an arena that it fills.
 */
import { defined } from '@plimsoll/foundation';
import type { KernelOperation } from '@plimsoll/kernels';
import { type Run, runsOf } from './load-runs.ts';
import { type LoadTask, takeRun } from './load-task.ts';
import { notFinite } from './not-finite.ts';
import { writePlain } from './plain-tensor.ts';
import { fillExactly } from './read-exactly.ts';
import { repackRows, storeRows } from './store-rows.ts';

/** Where this thread writes, and what runs its operations. */
export interface ShareArena {
  readonly buffer: ArrayBufferLike;
  run(operations: readonly KernelOperation[]): void;
}

export class LoadShare {
  readonly #task: LoadTask;
  readonly #arenas: readonly ShareArena[];
  readonly #runs: Generator<Run, void>;
  /** Number of the run that the generator gives next. */
  #place = 0;
  /** Holds what does not go straight into an arena. */
  #host = new Uint8Array(0);

  constructor(task: LoadTask, arenas: readonly ShareArena[]) {
    this.#task = task;
    this.#arenas = arenas;
    this.#runs = runsOf(task.jobs, task.passages);
  }

  /** Loads one run and says how many bytes of its file that were; null when none was left. */
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
