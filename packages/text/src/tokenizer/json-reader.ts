/** Typed access to tokenizer.json: every refusal names the path, what was seen and what is needed. */
import { badTokenizer } from './limits.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export class JsonReader {
  readonly path: string;
  readonly #values: JsonObject;

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badTokenizer(path, value, 'an object');
    }
    this.#values = value as JsonObject;
    this.path = path;
  }

  /** The value as it is; undefined and null both mean absent. */
  value(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? null) : null;
  }

  object(key: string): JsonReader {
    return new JsonReader(this.value(key), `${this.path}.${key}`);
  }

  objectOrNull(key: string): JsonReader | null {
    return this.value(key) === null ? null : this.object(key);
  }

  list(key: string): readonly unknown[] {
    const value = this.value(key);
    if (!Array.isArray(value)) throw this.bad(key, 'a list');
    return value;
  }

  objects(key: string): readonly JsonReader[] {
    return this.list(key).map((value, index) => new JsonReader(value, `${this.path}.${key}[${index}]`));
  }

  text(key: string, fallback?: string): string {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'string') throw this.bad(key, 'a text');
    return value;
  }

  textOrNull(key: string): string | null {
    return this.value(key) === null ? null : this.text(key);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'boolean') throw this.bad(key, 'true or false');
    return value;
  }

  /** A whole number from zero. */
  count(key: string, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw this.bad(key, 'a whole number from 0');
    }
    return value;
  }

  /** Keys and values apart: pairs of a vocabulary would be a hundred thousand small arrays. */
  keysAndValues(): { readonly keys: readonly string[]; readonly values: readonly unknown[] } {
    return { keys: Object.keys(this.#values), values: Object.values(this.#values) };
  }

  bad(key: string, needed: string): Error {
    return badTokenizer(`${this.path}.${key}`, this.value(key), needed);
  }
}
