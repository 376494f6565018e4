/**
 * Leaves out layers that repeat. The allocator's state recurs from period to period once a run of equal layers (or equal
 * groups of layers, as five sliding ones and a full one) has settled, so the largest extent is reached within the first
 * few; what is left out is an even number of periods, because two residual streams may take turns.
 */

/** Layers per group that are looked for; patterns in published models are shorter. */
const periodMax = 8;
/** Periods of a run that stay. */
const periodsKept = 4;

/** Positions that stay, given one key per layer that is equal for layers that allocate alike. */
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

/** The repetition from here on that covers most layers. */
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
