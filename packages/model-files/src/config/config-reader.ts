/**
 * Typed access to a parsed config.json. The reader records every key that callers read, so that a spec can list the
 * keys that no caller read. Every error names the key's path, the value seen and the values allowed. An absent key and
 * null mean the same, as in the code that wrote these files.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** A key, or several spellings of one key; the first present spelling counts. */
export type Key = string | readonly string[];

export interface IntegerRule {
  readonly fallback?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/**
 * Largest accepted numbers, two orders of magnitude above published models. A larger number comes from a hostile or
 * broken file: its spec would exhaust memory (layers) or exceed the exact integers (sizes).
 */
export const configLimits = {
  size: 10_000_000,
  layers: 10_000,
  contextTokens: 1_000_000_000,
  listItems: 20_000,
} as const;

type JsonObject = Readonly<Record<string, unknown>>;

interface ReaderMemory {
  readonly asked: Set<string>;
  readonly sections: Map<string, ConfigReader>;
}

export class ConfigReader {
  readonly path: string;
  readonly #values: JsonObject;
  readonly #defaults: JsonObject;
  readonly #memory: ReaderMemory;

  constructor(value: unknown, path = '', defaults: JsonObject = {}, memory?: ReaderMemory) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badConfig(path === '' ? 'config.json' : path, value, 'an object');
    }
    this.#values = value as JsonObject;
    this.#defaults = defaults;
    this.#memory = memory ?? { asked: new Set(), sections: new Map() };
    this.path = path;
  }

  /**
   * Returns a reader of the same values with the defaults of the model's code for absent keys. Both readers share the
   * record of read keys; an earlier default for a key stays.
   */
  withDefaults(defaults: JsonObject): ConfigReader {
    return new ConfigReader(this.#values, this.path, { ...defaults, ...this.#defaults }, this.#memory);
  }

  /** Returns a reader with these values in place of the file's. Both readers share the record of read keys. */
  withValues(values: JsonObject): ConfigReader {
    return new ConfigReader({ ...this.#values, ...values }, this.path, this.#defaults, this.#memory);
  }

  has(key: string): boolean {
    return this.#read(key) !== null;
  }

  /** True if the file writes the key, even as null: some code reads null as "none" and an absent key as a default. */
  states(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  integer(key: Key, rule: IntegerRule = {}): number {
    const found = this.#first(key);
    const minimum = rule.minimum ?? 1;
    const maximum = rule.maximum ?? configLimits.size;
    const needed = `a whole number from ${minimum} to ${maximum}`;
    if (found === null) {
      if (rule.fallback !== undefined) return rule.fallback;
      throw badConfig(this.#describe(key), undefined, needed);
    }
    const { name, value } = found;
    // Some exporters write 128.0, which Python reads as 128.
    if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
      throw badConfig(this.#at(name), value, needed);
    }
    return value;
  }

  optionalInteger(key: Key, rule: IntegerRule = {}): number | null {
    return this.#first(key) === null ? null : this.integer(key, rule);
  }

  number(key: Key, fallback: number): number {
    const found = this.#first(key);
    if (found === null) return fallback;
    if (typeof found.value !== 'number' || !Number.isFinite(found.value)) {
      throw badConfig(this.#at(found.name), found.value, 'a number');
    }
    return found.value;
  }

  boolean(key: Key, fallback: boolean): boolean {
    const found = this.#first(key);
    if (found === null) return fallback;
    if (typeof found.value !== 'boolean') throw badConfig(this.#at(found.name), found.value, 'true or false');
    return found.value;
  }

  text(key: Key): string | null {
    const found = this.#first(key);
    if (found === null) return null;
    if (typeof found.value !== 'string') throw badConfig(this.#at(found.name), found.value, 'a text');
    return found.value;
  }

  texts(key: Key): readonly string[] | null {
    return this.#list(key, 'texts', (item) => typeof item === 'string') as readonly string[] | null;
  }

  integers(key: Key): readonly number[] | null {
    const whole = (item: unknown): boolean =>
      Number.isInteger(item) && Math.abs(item as number) <= configLimits.size;
    return this.#list(key, 'whole numbers', whole) as readonly number[] | null;
  }

  /** Reads an integer, or one layer's integer if the file has a list with one per layer. */
  integerOfLayer(key: Key, layer: number, rule: IntegerRule = {}): number {
    const found = this.#first(key);
    if (found === null || !Array.isArray(found.value)) return this.integer(key, rule);
    const item: unknown = found.value[layer];
    const isWhole = typeof item === 'number' && Number.isInteger(item);
    if (!isWhole || item < (rule.minimum ?? 1) || item > (rule.maximum ?? configLimits.size)) {
      throw badConfig(`${this.#at(found.name)}[${layer}]`, item, 'a whole number for every layer');
    }
    return item;
  }

  section(key: string): ConfigReader | null {
    const known = this.#memory.sections.get(key);
    if (known !== undefined) return known;
    const value = this.#read(key);
    if (value === null) return null;
    const reader = new ConfigReader(value, this.#at(key));
    this.#memory.sections.set(key, reader);
    return reader;
  }

  sections(key: string): readonly ConfigReader[] | null {
    const items = this.#list(key, 'objects', (item) => typeof item === 'object' && item !== null);
    return items?.map((item, index) => new ConfigReader(item, `${this.#at(key)}[${index}]`)) ?? null;
  }

  keys(): readonly string[] {
    return Object.keys(this.#values);
  }

  /** Returns all values, for sections whose keys are data. */
  entries(): JsonObject {
    return this.#values;
  }

  /** Returns the raw value, for the few keys with either of two types, and records the key as read. */
  raw(key: string): unknown {
    return this.#read(key);
  }

  /** Records keys that have no effect in this family as read: for example head counts with latent attention. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#memory.asked.add(key);
  }

  /** Returns the paths of keys that no caller read, in this reader and in the sections that callers opened. */
  unasked(): readonly string[] {
    const own = this.keys()
      .filter((key) => !this.#memory.asked.has(key) && this.#values[key] !== null)
      .map((key) => this.#at(key));
    return [...own, ...[...this.#memory.sections.values()].flatMap((section) => section.unasked())];
  }

  /** Makes an error that names a key of this reader; `value` is the raw value of the key. */
  refuse(key: string, value: unknown, needed: string): PlimsollError {
    return badConfig(this.#at(key), value, needed);
  }

  #read(key: string): unknown {
    this.#memory.asked.add(key);
    const own = Object.hasOwn(this.#values, key) ? this.#values[key] : null;
    if (own !== null && own !== undefined) return own;
    return Object.hasOwn(this.#defaults, key) ? this.#defaults[key] : null;
  }

  #first(key: Key): { readonly name: string; readonly value: unknown } | null {
    let found: { readonly name: string; readonly value: unknown } | null = null;
    for (const name of typeof key === 'string' ? [key] : key) {
      // Every spelling counts as read: a file with two of them has no unknown key.
      const value = this.#read(name);
      if (found === null && value !== null) found = { name, value };
    }
    return found;
  }

  #list(key: Key, of: string, accepts: (item: unknown) => boolean): readonly unknown[] | null {
    const found = this.#first(key);
    if (found === null) return null;
    const { name, value } = found;
    if (!Array.isArray(value)) throw badConfig(this.#at(name), value, `a list of ${of}`);
    if (value.length > configLimits.listItems) {
      throw badConfig(`${this.#at(name)}.length`, value.length, `at most ${configLimits.listItems}`);
    }
    const wrong = value.findIndex((item) => !accepts(item));
    if (wrong >= 0) throw badConfig(`${this.#at(name)}[${wrong}]`, value[wrong], `a list of ${of}`);
    return value;
  }

  #at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  #describe(key: Key): string {
    return (typeof key === 'string' ? [key] : key).map((name) => this.#at(name)).join(' or ');
  }
}

export function badConfig(path: string, value: unknown, needed: string): PlimsollError {
  const seen = value === undefined ? 'missing' : printed(value);
  return new PlimsollError({
    code: 'bad-config',
    message: value === undefined ? `the config lacks ${path}` : `${path} is ${seen}`,
    value: seen,
    limit: needed,
    hint: `${path} must be ${needed}`,
  });
}

/** Renders any JSON value in short; hostile values are long or deep, so objects are not expanded. */
function printed(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? `"${value}"` : String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
