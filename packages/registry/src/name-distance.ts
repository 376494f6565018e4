/**
 * Computes the optimal string alignment distance (Damerau-Levenshtein in which no substring is edited twice): the least
 * number of insertions, deletions, substitutions and swaps of neighbors that turn one text into the other. Three rows
 * of the table are enough. Stops early and returns `limit` if the texts are at least that far apart.
 */
export function nameDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit;
  const width = right.length + 1;
  let beforePrevious = new Uint16Array(width);
  let previous = Uint16Array.from({ length: width }, (_, column) => column);
  let current = new Uint16Array(width);
  for (let row = 1; row <= left.length; row++) {
    current[0] = row;
    let least = row;
    for (let column = 1; column < width; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, at(beforePrevious, column - 2) + 1);
      current[column] = cost;
      least = Math.min(least, cost);
    }
    if (least >= limit) return limit;
    [beforePrevious, previous, current] = [previous, current, beforePrevious];
  }
  return Math.min(limit, at(previous, right.length));
}

/** Reads an element that is known to exist; the type of indexed access cannot express that. */
function at(row: Uint16Array, column: number): number {
  return row[column] ?? 0;
}
