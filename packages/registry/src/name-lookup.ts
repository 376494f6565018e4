/**
 * Finds the row that a name means. It tries three spellings, each only if the stricter spelling found nothing: the name
 * key, the key without noise words, and the key without separators between digits. A key that fits several rows is an
 * error that lists them; an unknown name is an error that lists the nearest known names.
 */
import { defined, PlimsollError } from '@plimsoll/foundation';
import { nameDistance } from './name-distance.ts';
import { hasDecimalPoint, looseKey, nameKey, withMemoryLast, withoutNoise } from './name-key.ts';
import type { RegistryIndex } from './registry-index.ts';

/** Length of the shortest name that counts as a part of another name: "m3" is a part of too many names. */
const partLengthMin = 3;

interface NamedRow {
  readonly id: string;
  readonly keys: readonly string[];
}

/** Length of the longest name that is compared with every known name; real names have under 80 letters. */
const nameLengthMax = 120;
const suggestionCount = 5;

export class NameLookup<Row extends NamedRow> {
  readonly #what: 'model' | 'hardware';
  readonly #index: RegistryIndex<Row>;
  readonly #sistersOf: (name: string, rows: readonly Row[]) => readonly Row[];
  /** Built at the first loose look-up, because most look-ups do not need it. */
  #rowsByLooseKey: Map<string, Set<Row>> | undefined;

  /** `sistersOf` returns rows that the shape in an unknown name suggests, nearest first. */
  constructor(
    what: 'model' | 'hardware',
    index: RegistryIndex<Row>,
    sistersOf: (name: string, rows: readonly Row[]) => readonly Row[] = () => [],
  ) {
    this.#what = what;
    this.#index = index;
    this.#sistersOf = sistersOf;
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

  /** Returns the row that `name` means, or throws an `unknown-` or `ambiguous-` error with names to choose from. */
  find(name: string): Row {
    const row = this.match(name);
    if (row === null) throw this.unknown(name);
    return row;
  }

  /** As `find`, but returns null for an unknown name. */
  match(name: string): Row | null {
    for (const key of this.#spellings(name)) {
      // Most programs make one look-up: scanning a thousand short keys costs less than building a map.
      const row = this.rows.find((candidate) => candidate.keys.includes(key));
      if (row !== undefined) return row;
      const ids = Object.hasOwn(this.#index.ambiguous, key) ? this.#index.ambiguous[key] : undefined;
      if (ids !== undefined) throw this.#ambiguous(name, ids);
    }
    const loose = this.#findLoose(nameKey(name));
    if (loose.length === 1 && loose[0] !== undefined) return loose[0];
    if (loose.length === 0) return null;
    throw this.#ambiguous(
      name,
      loose.map((row) => row.id),
    );
  }

  /** Returns the row that `name` means as it is spelled; null if no row has the name. */
  known(name: string): Row | null {
    const spellings = this.#spellings(name);
    return this.rows.find(({ keys }) => spellings.some((key) => keys.includes(key))) ?? null;
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

  /**
   * Returns the rows that the name may mean, nearest first: rows whose name it only extends, its sisters by shape, then
   * the rows with the nearest keys. Empty if no key is near.
   */
  nearest(name: string): readonly Row[] {
    const key = nameKey(this.#what === 'hardware' ? withoutNoise(name) : name);
    if (key === '' || key.length > nameLengthMax) return [];
    const sisters = this.#sistersOf(name, this.rows);
    const extended = sisters.filter((row) => row.keys.some((known) => key.includes(known)));
    return [...new Set([...extended, ...sisters, ...this.#nearestByKey(key)])].slice(0, suggestionCount);
  }

  #nearestByKey(key: string): readonly Row[] {
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
    return found.map((entry) => entry.row);
  }

  /** The error for an unknown name, with names to choose from. */
  unknown(name: string): PlimsollError {
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

/** Distance, in edits, between a name and a name that contains it; null if neither contains the other. */
function containmentScore(typed: string, known: string): number | null {
  const [short, long] = typed.length < known.length ? [typed, known] : [known, typed];
  const place = short.length < partLengthMin ? -1 : long.indexOf(short);
  if (place < 0) return null;
  // Added letters count little, and less if they only extend the shorter name.
  return (long.length - short.length) / 8 + (place === 0 ? 0 : 0.5);
}
