/** Lists the ways to split a model over a number of equal devices: tensor, pipeline, data and expert parallelism. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type Parallelism, singleDevice } from '../bytes/parallelism.ts';
import type { EngineFace } from '../engines/contract/engine-face.ts';
import { expertShare } from '../speed/model-work.ts';

/** Devices in one node, the limit of tensor parallelism: its collectives are too slow over the links between nodes. */
export const nodeDevices = 8;

/**
 * Returns every layout of exactly `count` devices that the engine supports, tensor parallelism first. The engine's
 * profile refuses layouts that do not fit the model's shape (heads, blocks of scales).
 */
export function layoutsOf(
  count: number,
  spec: ModelSpec,
  split: EngineFace<object>['split'],
): readonly Parallelism[] {
  if (count === 1) return [singleDevice];
  if (split === 'nothing') return [];
  if (split === 'layers') return [{ ...singleDevice, pipeline: count }];
  const hasExperts = expertShare(spec) > 0;
  return divisorsOf(count)
    .filter((tensor) => tensor <= nodeDevices)
    .toReversed()
    .flatMap((tensor) =>
      divisorsOf(count / tensor).flatMap((pipeline): readonly Parallelism[] => {
        const layout = { tensor, pipeline, data: count / tensor / pipeline, expertParallel: false };
        // A pipeline stage has the experts of its own layers, so only tensor and data parallelism spread experts.
        const spreadsExperts = hasExperts && pipeline < count;
        return spreadsExperts ? [layout, { ...layout, expertParallel: true }] : [layout];
      }),
    );
}

function divisorsOf(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1).filter((divisor) => count % divisor === 0);
}
