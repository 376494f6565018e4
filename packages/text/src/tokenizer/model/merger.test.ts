import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Merger } from './merger.ts';
import { PairTable } from './pair-table.ts';

const letters = 4;

interface Merge {
  readonly left: number;
  readonly right: number;
  readonly rank: number;
  readonly result: number;
}

/** Random merges over a few letters and over what earlier merges made; some share a rank, as scores may. */
function randomMerges(seed: number): readonly Merge[] {
  const random = seededRandom(seed);
  const merges: Merge[] = [];
  const seen = new Set<string>();
  for (let count = 0; count < 30; count++) {
    const symbols = letters + merges.length;
    const left = randomInteger(random, 0, symbols);
    const right = randomInteger(random, 0, symbols);
    if (seen.has(`${left} ${right}`)) continue;
    seen.add(`${left} ${right}`);
    merges.push({ left, right, rank: randomInteger(random, 0, 20), result: symbols });
  }
  return merges;
}

/** The definition: the pair of lowest rank, leftmost, again and again. */
function mergeNaively(word: readonly number[], merges: readonly Merge[]): number[] {
  const symbols = [...word];
  for (;;) {
    let best: { merge: Merge; position: number } | null = null;
    for (let position = 0; position + 1 < symbols.length; position++) {
      const merge = merges.find(
        ({ left, right }) => left === symbols[position] && right === symbols[position + 1],
      );
      if (merge !== undefined && (best === null || merge.rank < best.merge.rank)) best = { merge, position };
    }
    if (best === null) return symbols;
    symbols.splice(best.position, 2, best.merge.result);
  }
}

test('the heap merges what the definition merges', () => {
  const merger = new Merger();
  const property = fc.property(fc.nat(), fc.array(fc.nat(letters - 1), { maxLength: 60 }), (seed, word) => {
    const merges = randomMerges(seed);
    const table = new PairTable(merges.length);
    for (const merge of merges) table.add(merge, merge.rank, merge.result);
    merger.reserve(word.length);
    merger.symbols.set(word);
    const count = merger.merge(word.length, table);
    expect([...merger.symbols.subarray(0, count)]).toEqual(mergeNaively(word, merges));
  });
  fc.assert(property, { numRuns: 1000 });
});
