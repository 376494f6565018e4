/** Selection among scores: top-k and argmax. */
import type { Argmax, TopK } from '../operations.ts';
import type { ArenaView } from './arena-view.ts';

export function topK(arena: ArenaView, { values, rows, columns, k, indices, scores }: TopK): void {
  for (let row = 0; row < rows; row++) {
    const list = arena.floats(values + 4 * row * columns, columns);
    const rank = (index: number): number => {
      const value = list[index] ?? Number.NaN;
      return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
    };
    const isNumber = (index: number): boolean => !Number.isNaN(list[index]);
    const order = Array.from({ length: columns }, (_, index) => index).sort(
      (left, right) =>
        Number(isNumber(right)) - Number(isNumber(left)) ||
        (rank(left) === rank(right) ? left - right : rank(right) - rank(left)),
    );
    arena.words(indices + 4 * row * k, k).set(order.slice(0, k));
    arena.floats(scores + 4 * row * k, k).set(order.slice(0, k).map((index) => list[index] ?? 0));
  }
}

export function argmax(arena: ArenaView, { values, rows, columns, output }: Argmax): void {
  for (let row = 0; row < rows; row++) {
    let best = 0;
    let bestValue = Number.NEGATIVE_INFINITY;
    let nanCount = 0;
    arena.floats(values + 4 * row * columns, columns).forEach((value, index) => {
      if (Number.isNaN(value)) nanCount++;
      if (value > bestValue) [best, bestValue] = [index, value];
    });
    arena.words(output + 8 * row, 2).set([best, nanCount]);
  }
}
