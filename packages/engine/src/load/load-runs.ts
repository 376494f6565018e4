/** Cuts tensors into runs of rows: what is read, converted and repacked at a time, by one thread. */
import { defined } from '@plimsoll/foundation';
import type { LoadJob, Passage } from './load-task.ts';
import { passageBytes } from './store-rows.ts';

/** Rows that a panel interleaves; runs are whole panels, save at the end of a matrix. */
const panelRows = 8;
/**
 * Rows and their panels stay in a second-level cache of a megabyte while they are repacked. Half of this and twice of it
 * take the same time, a quarter more calls than it saves.
 */
const runBytesMax = 512 * 1024;

export interface Run {
  readonly job: LoadJob;
  /** Bytes [start, start + length) of the tensor. */
  readonly start: number;
  readonly length: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** Every run of every job, in order. Threads that were given the same jobs and rooms see the same list. */
export function* runsOf(jobs: readonly LoadJob[], passages: readonly Passage[]): Generator<Run, void> {
  for (const job of jobs) {
    const { tensor, source } = job;
    if (tensor.layout === 'rows') {
      yield { job, start: 0, length: source.bytes, firstRow: 0, rows: tensor.rows };
      continue;
    }
    const { bytes: roomBytes } = defined(passages[tensor.arena], `there is an arena ${tensor.arena}`);
    const rowBytes = source.bytes / tensor.rows;
    const panelBytes = passageBytes(tensor, rowBytes);
    const step = panelRows * Math.max(1, Math.floor(Math.min(runBytesMax, roomBytes) / panelBytes));
    for (let firstRow = 0; firstRow < tensor.rows; firstRow += step) {
      const rows = Math.min(step, tensor.rows - firstRow);
      yield { job, start: firstRow * rowBytes, length: rows * rowBytes, firstRow, rows };
    }
  }
}
