/**
 * Executes a storage plan: every tensor is read from its file in runs of rows, repacked by the kernels where it will
 * stay, and checked for values that are not finite. One run is read ahead while the last one is repacked, so that no more
 * than two of them are in memory beside the arenas. File rows pass through the step buffers, which nothing else uses yet.
 */
import { defined } from '@plimsoll/foundation';
import type { KernelOperation, Kernels } from '@plimsoll/kernels';
import type { EngineMemoryPlan, PlacedTensor } from '@plimsoll/planner';
import type { ArenaLayout } from '../forward/arena-layout.ts';
import type { ArenaMemory } from '../memory/arena.ts';
import { notFinite } from './not-finite.ts';
import { writePlain } from './plain-tensor.ts';
import { passageBytes, storeRows } from './store-rows.ts';
import type { SourceTensor, WeightSource } from './weight-source.ts';

/** Rows that a panel interleaves; runs are whole panels, save at the end of a matrix. */
const panelRows = 8;
/** Long enough that a read is not all overhead, short enough to be repacked while it is in the cache. */
const runBytesMax = 4 * 1024 ** 2;

export interface LoadTarget {
  readonly plan: EngineMemoryPlan;
  readonly arenas: readonly ArenaMemory[];
  readonly layouts: readonly ArenaLayout[];
  readonly kernels: Kernels;
}

export interface LoadProgress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

interface Job {
  readonly tensor: PlacedTensor;
  readonly source: SourceTensor;
}

export async function loadWeights(
  target: LoadTarget,
  weights: WeightSource,
  onProgress?: (progress: LoadProgress) => void,
): Promise<void> {
  const jobs = target.plan.storage.tensors
    .filter(({ model }) => model === 'model')
    .map((tensor): Job => ({ tensor, source: weights.tensor(tensor) }))
    .sort((left, right) => left.source.file - right.source.file || left.source.offset - right.source.offset);
  const totalBytes = jobs.reduce((sum, { source }) => sum + source.bytes, 0);
  let loadedBytes = 0;
  let pending: Promise<void> | null = null;
  for (const run of runsOf(jobs, target)) {
    const reading = run.job.source.read(run.start, run.length);
    // The reader must not be left alone with its failure when repacking the run before it fails.
    reading.catch(() => undefined);
    if (pending !== null) await pending;
    pending = reading.then((bytes) => {
      store(target, run, bytes);
      loadedBytes += run.length;
      onProgress?.({ loadedBytes, totalBytes });
    });
    pending.catch(() => undefined);
  }
  if (pending !== null) await pending;
}

interface Run {
  readonly job: Job;
  readonly start: number;
  readonly length: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** Cuts every tensor into runs that fit into the step buffers of its arena. */
function* runsOf(jobs: readonly Job[], target: LoadTarget): Generator<Run> {
  for (const job of jobs) {
    const { tensor, source } = job;
    if (tensor.layout === 'rows') {
      yield { job, start: 0, length: source.bytes, firstRow: 0, rows: tensor.rows };
      continue;
    }
    const rowBytes = source.bytes / tensor.rows;
    const room = Math.min(runBytesMax, layoutOf(target, tensor).stepBuffersBytes);
    const step = panelRows * Math.max(1, Math.floor(room / passageBytes(tensor, rowBytes)));
    for (let firstRow = 0; firstRow < tensor.rows; firstRow += step) {
      const rows = Math.min(step, tensor.rows - firstRow);
      yield { job, start: firstRow * rowBytes, length: rows * rowBytes, firstRow, rows };
    }
  }
}

function layoutOf({ layouts }: LoadTarget, { arena }: PlacedTensor): ArenaLayout {
  return defined(layouts[arena], `there is an arena ${arena}`);
}

function store(target: LoadTarget, run: Run, bytes: Uint8Array): void {
  const { tensor, source: file } = run.job;
  const { buffer } = defined(target.arenas[tensor.arena], `there is an arena ${tensor.arena}`);
  if (tensor.layout === 'rows') {
    writePlain(new Float32Array(buffer, tensor.offset, tensor.rows * tensor.columns), bytes, {
      name: displayName(tensor),
      type: file.type,
    });
    return;
  }
  const layout = layoutOf(target, tensor);
  const passage = {
    buffer,
    layout,
    run: (operations: readonly KernelOperation[]) => target.kernels.run(tensor.arena, operations),
  };
  const bad = storeRows(passage, { tensor, firstRow: run.firstRow, rows: run.rows }, bytes);
  if (bad > 0) throw notFinite(displayName(tensor), bad);
}

function displayName({ layer, name, slice, slices }: PlacedTensor): string {
  return `${layer === null ? '' : `blk.${layer}.`}${name}${slices > 1 ? ` [${slice}]` : ''}`;
}
