/**
 * Reads hyper-parameters from GGUF metadata: numbers under `<architecture>.`, stated once or per layer. It records the
 * keys that callers read, so that a spec can list the keys that no caller read.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { keysWithoutNeed } from './architectures.ts';
import type { GgufValue } from './header.ts';

/** llama.cpp allows 512 layers; the longest known model has 162. */
const layersMax = 4096;
/** Larger sizes and counts fit no model, and their products would exceed the exact integers. */
const sizeMax = 2 ** 31;

export class MetadataReader {
  readonly architecture: string;
  readonly #metadata: ReadonlyMap<string, GgufValue>;
  readonly #asked = new Set<string>();

  constructor(metadata: ReadonlyMap<string, GgufValue>) {
    this.#metadata = metadata;
    const architecture = metadata.get('general.architecture');
    if (architecture?.type !== 'string' || architecture.value === '') {
      throw new PlimsollError({
        code: 'gguf-missing-key',
        message: 'GGUF: metadata "general.architecture" is missing, so the purpose of the tensors is unknown',
        value: 'general.architecture',
        hint: 'this is not a model file, or its metadata was stripped',
      });
    }
    this.architecture = String(architecture.value).slice(0, 80);
  }

  /** Reads a text outside the architecture's keys: `general.type`. */
  text(key: string): string | undefined {
    const entry = this.#metadata.get(key);
    return entry?.type === 'string' ? String(entry.value) : undefined;
  }

  /** True if the file gives a value per layer instead of one for all. */
  isList(name: string): boolean {
    return this.#entry(name)?.type === 'array';
  }

  /** Reads a count. Throws `gguf-missing-key` if the key is absent. */
  number(name: string): number {
    return this.optionalNumber(name) ?? this.#missing(name);
  }

  optionalNumber(name: string): number | undefined {
    const entry = this.#entry(name);
    return entry === undefined
      ? undefined
      : this.#checked(name, entry.type === 'array' ? entry : entry.value);
  }

  blockCount(): number {
    const count = this.number('block_count');
    return count <= layersMax ? count : this.#refuse('block_count', count, layersMax);
  }

  /** Reads a number per layer: the file states one number for all layers, or a list. Undefined if the key is absent. */
  perLayer(name: string, layerCount: number): ((layer: number) => number) | undefined {
    const entry = this.#entry(name);
    if (entry === undefined) return undefined;
    if (entry.type !== 'array') {
      const value = this.#checked(name, entry.value);
      return () => value;
    }
    const { values } = entry;
    if (values === null || values.length < layerCount) {
      return this.#refuse(name, `a list of ${entry.length}`, `a list of ${layerCount}, one number per layer`);
    }
    const numbers = values.map((value) => this.#checked(name, value));
    return (layer) => numbers[layer] ?? 0;
  }

  /** Returns the keys of this architecture that no caller read and that may affect memory. */
  notAsked(): string[] {
    const prefix = `${this.architecture}.`;
    return [...this.#metadata.keys()].filter((key) => {
      const name = key.slice(prefix.length);
      return (
        key.startsWith(prefix) &&
        !this.#asked.has(name) &&
        !name.startsWith('rope.') &&
        !keysWithoutNeed.has(name)
      );
    });
  }

  /** Returns all keys of this architecture, for the error about an unknown architecture. */
  ownKeys(): string[] {
    return [...this.#metadata.keys()].filter((key) => key.startsWith(`${this.architecture}.`));
  }

  #entry(name: string): GgufValue | undefined {
    this.#asked.add(name);
    return this.#metadata.get(`${this.architecture}.${name}`);
  }

  #checked(name: string, value: unknown): number {
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= sizeMax)
      return number;
    return this.#refuse(
      name,
      typeof value === 'object' ? 'a list' : String(value),
      `a whole number up to ${sizeMax}`,
    );
  }

  #missing(name: string): never {
    throw new PlimsollError({
      code: 'gguf-missing-key',
      message: `GGUF: metadata "${this.architecture}.${name}" is missing`,
      value: `${this.architecture}.${name}`,
      hint: 'the file does not say how its tensors are used; convert the model again',
    });
  }

  #refuse(name: string, value: string | number, limit: string | number): never {
    throw new PlimsollError({
      code: 'gguf-bad-value',
      message: `GGUF: metadata "${this.architecture}.${name}" cannot be ${value}`,
      value,
      limit,
      hint: 'the metadata is damaged; convert the model again',
    });
  }
}
