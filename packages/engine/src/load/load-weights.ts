/**
 * Executes a storage plan: every tensor is read from its file in runs of rows, repacked by the kernels where it will
 * stay, and checked for values that are not finite. Rows that only change their order are read straight into the step
 * buffers of their arena, which nothing else uses yet: into one half while the kernels repack the other.
 *
 *   step buffers   [ run n: repacked | run n + 1: being read ]
 *
 * Rows that are converted need all of the step buffers, and pass through host memory before.
 */
import { defined } from '@plimsoll/foundation';
import type { KernelOperation, Kernels } from '@plimsoll/kernels';
import type { EngineMemoryPlan, PlacedTensor } from '@plimsoll/planner';
import type { ArenaLayout } from '../forward/arena-layout.ts';
import type { ArenaMemory } from '../memory/arena.ts';
import { notFinite } from './not-finite.ts';
import { writePlain } from './plain-tensor.ts';
import { passageBytes, repackRows, storeRows } from './store-rows.ts';
import type { SourceTensor, WeightSource } from './weight-source.ts';

/** Rows that a panel interleaves; runs are whole panels, save at the end of a matrix. */
const panelRows = 8;
/** Long enough that a read is not all overhead, short enough to be repacked while it is in the cache. */
const runBytesMax = 1024 ** 2;
const lineBytes = 64;

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
  let pending: Promise<void> = Promise.resolve();
  let last: Run | null = null;
  for (const run of runsOf(jobs, target)) {
    // A conversion uses the place that the next run would be read into.
    if (last !== null && last.half === null) await pending;
    const reading = readRun(target, run);
    // The reader must not be left alone with its failure when repacking the run before it fails.
    reading.catch(() => undefined);
    await pending;
    pending = reading.then((bytes) => {
      store(target, run, bytes);
      loadedBytes += run.length;
      onProgress?.({ loadedBytes, totalBytes });
    });
    pending.catch(() => undefined);
    last = run;
  }
  await pending;
}

/** Bytes in host memory, or null when they lie in the run's half of the step buffers. */
async function readRun(target: LoadTarget, { job, half, start, length }: Run): Promise<Uint8Array | null> {
  if (half === null) return job.source.read(start, length);
  const { buffer } = defined(target.arenas[job.tensor.arena], 'a tensor lies in an arena');
  await job.source.readInto(new Uint8Array(buffer, half, length), start);
  return null;
}

interface Run {
  readonly job: Job;
  readonly start: number;
  readonly length: number;
  readonly firstRow: number;
  readonly rows: number;
  /** Where in the arena it is read to; null for host memory. */
  readonly half: number | null;
}

/** Cuts every tensor into runs that fit into the step buffers of its arena, taking their halves in turns. */
function* runsOf(jobs: readonly Job[], target: LoadTarget): Generator<Run> {
  let turn = 0;
  for (const job of jobs) {
    const { tensor, source } = job;
    if (tensor.layout === 'rows') {
      yield { job, start: 0, length: source.bytes, firstRow: 0, rows: tensor.rows, half: null };
      continue;
    }
    const { stepBuffersBytes, buffers } = layoutOf(target, tensor);
    const rowBytes = source.bytes / tensor.rows;
    const halfBytes = Math.floor(stepBuffersBytes / 2 / lineBytes) * lineBytes;
    const isDirect = tensor.conversion === 'copy' && panelRows * rowBytes <= halfBytes;
    const room = Math.min(runBytesMax, isDirect ? halfBytes : stepBuffersBytes);
    const panelBytes = isDirect ? panelRows * rowBytes : passageBytes(tensor, rowBytes);
    const step = panelRows * Math.max(1, Math.floor(room / panelBytes));
    for (let firstRow = 0; firstRow < tensor.rows; firstRow += step) {
      const rows = Math.min(step, tensor.rows - firstRow);
      const half = isDirect ? buffers.hidden + halfBytes * (turn++ % 2) : null;
      yield { job, start: firstRow * rowBytes, length: rows * rowBytes, firstRow, rows, half };
    }
  }
}

function layoutOf({ layouts }: LoadTarget, { arena }: PlacedTensor): ArenaLayout {
  return defined(layouts[arena], `there is an arena ${arena}`);
}

function store(target: LoadTarget, run: Run, bytes: Uint8Array | null): void {
  const { tensor, source: file } = run.job;
  const { buffer } = defined(target.arenas[tensor.arena], `there is an arena ${tensor.arena}`);
  if (tensor.layout === 'rows') {
    const values = new Float32Array(buffer, tensor.offset, tensor.rows * tensor.columns);
    const host = defined(bytes, 'vectors are read into host memory');
    writePlain(values, host, { name: displayName(tensor), type: file.type });
    return;
  }
  const layout = layoutOf(target, tensor);
  const passage = {
    buffer,
    layout,
    run: (operations: readonly KernelOperation[]) => target.kernels.run(tensor.arena, operations),
  };
  const rowsOfRun = { tensor, firstRow: run.firstRow, rows: run.rows };
  const bad =
    bytes === null
      ? repackRows(passage, rowsOfRun, defined(run.half, 'rows without host memory lie in a half'))
      : storeRows(passage, rowsOfRun, bytes);
  if (bad > 0) throw notFinite(displayName(tensor), bad);
}

function displayName({ layer, name, slice, slices }: PlacedTensor): string {
  return `${layer === null ? '' : `blk.${layer}.`}${name}${slices > 1 ? ` [${slice}]` : ''}`;
}
