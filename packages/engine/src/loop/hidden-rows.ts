/** Passes hidden rows of a step to the sequences that capture them. */
import type { PlanEntry, StepPlan } from '@plimsoll/serving';
import type { Capture, Forward } from '../forward/forward.ts';
import type { HiddenCapture, HiddenLayer, LiveSequences } from '../request/live-sequence.ts';

export interface StepCaptures {
  readonly plan: StepPlan;
  readonly live: LiveSequences;
  /** Receives the entries whose capture throws. */
  readonly failed: Map<PlanEntry, unknown>;
}

/** Rows [first, first + count) of the batch: the positions from `start` on that an entry's capture takes. */
interface CapturedRows {
  readonly entry: PlanEntry;
  readonly capture: HiddenCapture;
  readonly first: number;
  readonly count: number;
  readonly start: number;
}

function* capturedRows({ plan, live, failed }: StepCaptures, layer: HiddenLayer): Generator<CapturedRows> {
  let before = 0;
  for (const entry of plan.entries) {
    const { sequence, start, count } = entry;
    const first = before;
    before += count;
    const capture = live.get(sequence.id)?.capture;
    if (capture?.layers.has(layer) !== true || failed.has(entry)) continue;
    const skipped = capture.positions === 'last' ? Math.max(0, sequence.promptLength - 1 - start) : 0;
    if (skipped >= count) continue;
    yield { entry, capture, first: first + skipped, count: count - skipped, start: start + skipped };
  }
}

/** Null if no sequence of the step captures a layer. */
export function layerCapture(step: StepCaptures): Capture | null {
  const layers = new Set<number>();
  for (const { sequence } of step.plan.entries) {
    for (const layer of step.live.get(sequence.id)?.capture?.layers ?? []) {
      if (layer !== 'final') layers.add(layer);
    }
  }
  if (layers.size === 0) return null;
  return {
    layers,
    take(layer, rows) {
      const width = rows.length / step.plan.tokenCount;
      for (const { entry, capture, first, count, start } of capturedRows(step, layer)) {
        const own = rows.subarray(first * width, (first + count) * width);
        guarded(step, entry, () => capture.take(layer, start, own));
      }
    },
  };
}

/** Computes the final states of a computed batch, at most `logitRowsMax` rows at a time. */
export function takeFinalStates(forward: Forward, step: StepCaptures): void {
  for (const { entry, capture, first, count, start } of capturedRows(step, 'final')) {
    for (let done = 0; done < count; done += forward.logitRowsMax) {
      const some = Math.min(forward.logitRowsMax, count - done);
      const rows = forward.finalStates(Array.from({ length: some }, (_, row) => first + done + row));
      guarded(step, entry, () => capture.take('final', start + done, rows));
      if (step.failed.has(entry)) break;
    }
  }
}

/** An error of a callback ends its sequence and no other. */
function guarded({ failed }: StepCaptures, entry: PlanEntry, take: () => void): void {
  try {
    take();
  } catch (error) {
    failed.set(entry, error);
  }
}
