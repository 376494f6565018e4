/**
 * Leaves out layers that repeat. After a few equal layers (or equal groups, such as five sliding layers and a full layer)
 * the state of the allocator recurs with every period, so that the first periods reach the largest extent. The number of
 * omitted periods is even, because two residual streams may alternate.
 */

/** Longest group of layers that counts as a period. Patterns of published models are shorter. */
const periodMax = 8;
/** Periods of a run that remain. */
const periodsKept = 4;

/** Positions of the remaining layers. Layers that allocate alike have equal keys. */
export function settledLayers(keys: readonly string[]): readonly number[] {
  const kept: number[] = [];
  let position = 0;
  while (position < keys.length) {
    const { period, count } = longestRun(keys, position);
    const dropped = count > periodsKept + 1 ? 2 * Math.floor((count - periodsKept) / 2) : 0;
    const end = position + period * count;
    const dropFrom = position + period * 2;
    const dropTo = dropFrom + period * dropped;
    for (; position < end; position++) {
      if (position < dropFrom || position >= dropTo) kept.push(position);
    }
  }
  return kept;
}

interface Run {
  readonly period: number;
  readonly count: number;
}

/** Finds the repetition from `start` that covers most layers. */
function longestRun(keys: readonly string[], start: number): Run {
  let best: Run = { period: 1, count: 1 };
  for (let period = 1; period <= periodMax; period++) {
    let end = start + period;
    while (end < keys.length && keys[end] === keys[end - period]) end++;
    const count = Math.floor((end - start) / period);
    if (count > 1 && period * count > best.period * best.count) best = { period, count };
  }
  return best;
}
