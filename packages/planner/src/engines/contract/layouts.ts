/** Lists the ways to split a model over a number of equal devices: tensor, pipeline, data and expert parallelism. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type Parallelism, singleDevice } from '../../bytes/parallelism.ts';
import { expertShare } from '../../speed/model-work.ts';
import { type EngineFace, sharedFlag } from './engine-face.ts';

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

/** Flags that change one layout to another on the engine's command line. */
export function layoutFlags(
  engine: Pick<EngineFace<object>, 'spellings'>,
  from: Parallelism,
  to: Parallelism,
): string {
  const sizes = [
    ['tp', from.tensor, to.tensor],
    ['pp', from.pipeline, to.pipeline],
    ['dp', from.data, to.data],
  ] as const;
  return sizes
    .filter(([, before, after]) => before !== after)
    .map(([name, , after]) => `${sharedFlag(engine, name)} ${after}`)
    .join(' ');
}

/** "tp4 x dp2"; "tp1" for one device. */
export function layoutName({ tensor, pipeline, data }: Parallelism): string {
  const sizes = [
    ['tp', tensor],
    ['pp', pipeline],
    ['dp', data],
  ] as const;
  const parts = sizes.filter(([, size]) => size > 1).map(([name, size]) => `${name}${size}`);
  return parts.length === 0 ? 'tp1' : parts.join(' x ');
}
