/**
 * Finds the row a name means. Three spellings are tried, each only when the stricter one found nothing: the name key, the
 * key without noise words, and the key without marks between digits. A key that fits several rows is an error that
 * lists them; so is an unknown name, with the nearest known ones.
 */
import { defined, PlimsollError } from '@plimsoll/foundation';
import { nameDistance } from './name-distance.ts';
import { hasDecimalPoint, looseKey, nameKey, withMemoryLast, withoutNoise } from './name-key.ts';
import type { RegistryIndex } from './registry-index.ts';

/** Shortest name that counts as a part of another one: "m3" is a part of too many. */
const partLengthMin = 3;

interface NamedRow {
  readonly id: string;
  readonly keys: readonly string[];
}

/** Longest name that is compared with every known one; real names stay under 80 letters. */
const nameLengthMax = 120;
const suggestionCount = 5;

export class NameLookup<Row extends NamedRow> {
  readonly #what: 'model' | 'hardware';
  readonly #index: RegistryIndex<Row>;
  /** Built at the first loose look-up: most names are found without. */
  #rowsByLooseKey: Map<string, Set<Row>> | undefined;

  constructor(what: 'model' | 'hardware', index: RegistryIndex<Row>) {
    this.#what = what;
    this.#index = index;
  }

  get rows(): readonly Row[] {
    return this.#index.rows;
  }

  get featured(): readonly Row[] {
    return this.#index.featured.map((id) =>
      defined(
        this.rows.find((row) => row.id === id),
        `the index features "${id}" and has no such row`,
      ),
    );
  }

  /** The row that `name` means, or a thrown `unknown-` or `ambiguous-` error with names to choose from. */
  find(name: string): Row {
    for (const key of this.#spellings(name)) {
      // A scan of a thousand short keys costs less than building a map for the one look-up most programs make.
      const row = this.rows.find((candidate) => candidate.keys.includes(key));
      if (row !== undefined) return row;
      const ids = Object.hasOwn(this.#index.ambiguous, key) ? this.#index.ambiguous[key] : undefined;
      if (ids !== undefined) throw this.#ambiguous(name, ids);
    }
    const loose = this.#findLoose(nameKey(name));
    if (loose.length === 1 && loose[0] !== undefined) return loose[0];
    const ids = loose.map((row) => row.id);
    throw ids.length > 1 ? this.#ambiguous(name, ids) : this.#unknown(name);
  }

  #spellings(name: string): readonly string[] {
    const key = nameKey(name);
    if (this.#what === 'model') return [key];
    const plain = withoutNoise(name);
    // "a100-40" means "a100-40gb".
    return [key, nameKey(plain), nameKey(withMemoryLast(plain)), `${nameKey(plain)}gb`];
  }

  #findLoose(key: string): readonly Row[] {
    if (key === '' || hasDecimalPoint(key)) return [];
    if (this.#rowsByLooseKey === undefined) {
      this.#rowsByLooseKey = new Map();
      for (const row of this.rows) {
        for (const known of row.keys) {
          const looseRows = this.#rowsByLooseKey.get(looseKey(known));
          if (looseRows === undefined) this.#rowsByLooseKey.set(looseKey(known), new Set([row]));
          else looseRows.add(row);
        }
      }
    }
    return [...(this.#rowsByLooseKey.get(looseKey(key)) ?? [])];
  }

  /** The rows with the nearest keys, nearest first; none for a name that is near nothing. */
  nearest(name: string): readonly Row[] {
    const key = nameKey(this.#what === 'hardware' ? withoutNoise(name) : name);
    if (key === '' || key.length > nameLengthMax) return [];
    const limit = Math.max(2, Math.ceil(key.length * 0.6));
    const found: { readonly row: Row; readonly score: number }[] = [];
    for (const row of this.rows) {
      let score = limit;
      for (const known of row.keys) {
        score = Math.min(score, containmentScore(key, known) ?? nameDistance(key, known, limit));
      }
      if (score < limit) found.push({ row, score });
    }
    found.sort((left, right) => left.score - right.score || (left.row.id < right.row.id ? -1 : 1));
    return found.slice(0, suggestionCount).map((entry) => entry.row);
  }

  #unknown(name: string): PlimsollError {
    const near = this.nearest(name).map((row) => row.id);
    const list = this.#what === 'model' ? 'plimsoll zoo models' : 'plimsoll zoo hardware';
    return new PlimsollError({
      code: `unknown-${this.#what}`,
      message: `${this.#what} "${name}" is not in the registry`,
      value: name,
      limit: `${this.rows.length} known ${this.#what === 'model' ? 'models' : 'pieces of hardware'}`,
      hint: near.length > 0 ? `did you mean ${near.join(', ')}?` : `\`${list}\` lists all names`,
    });
  }

  #ambiguous(name: string, ids: readonly string[]): PlimsollError {
    return new PlimsollError({
      code: `ambiguous-${this.#what}`,
      message: `${this.#what} "${name}" fits ${ids.length} records equally well`,
      value: name,
      limit: 'a name that fits one',
      hint: `choose one of ${ids.join(', ')}`,
    });
  }
}

/** How far a name is from one that contains it or that it contains, in edits; null when neither contains the other. */
function containmentScore(typed: string, known: string): number | null {
  const [short, long] = typed.length < known.length ? [typed, known] : [known, typed];
  const place = short.length < partLengthMin ? -1 : long.indexOf(short);
  if (place < 0) return null;
  // What a name adds counts little, and less when it only goes on where the other one stops.
  return (long.length - short.length) / 8 + (place === 0 ? 0 : 0.5);
}
