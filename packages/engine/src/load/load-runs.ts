/** Cuts tensors into runs of rows. A thread reads, converts and repacks one run at a time. */
import { defined } from '@plimsoll/foundation';
import type { LoadJob, Passage } from './load-task.ts';
import { passageBytes } from './store-rows.ts';

/** Rows that a panel interleaves. Runs are whole panels, except at the end of a matrix. */
const panelRows = 8;
/**
 * During repacking, rows and panels of this size fit in a second-level cache of 1 MB. Half and twice this size take the
 * same time; with a quarter, the extra calls cost more than they save.
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

/** Yields every run of every job, in order. Threads with the same jobs and passage sizes get the same list. */
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
