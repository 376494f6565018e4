/**
 * The registry over any source of text: give it a function that returns a data file's text and it finds records by
 * name. It does no I/O of its own; `node-registry.ts` reads files, a site may bundle the same data.
 *
 *   name --> name-lookup (index) --> row --> one record file --> record
 */
import { assert, defined } from '@plimsoll/foundation';
import { checkpointNamed } from './checkpoint-lookup.ts';
import type { NamedCheckpoint } from './checkpoint-name.ts';
import type { HardwareFile, HardwareRecord } from './hardware-schema.ts';
import type { ModelRecord } from './model-schema.ts';
import { NameLookup } from './name-lookup.ts';
import { type SearchableRow, type SearchOptions, searchRows } from './name-search.ts';
import { findOllamaTag, type OllamaTag, ollamaLibraryPath } from './ollama-library.ts';
import type { HardwareRow, ModelRow } from './registry-index.ts';
import {
  drafterIndexPath,
  drafterPath,
  hardwareIndexPath,
  hardwarePath,
  modelIndexPath,
  modelPath,
} from './registry-paths.ts';
import { sistersOf } from './sisters.ts';

export { largerHardware } from './larger-hardware.ts';

/** Returns the text of a file below the data directory, such as `models/openai/gpt-oss-20b.json`. */
export type ReadText = (path: string) => string;

/** A published checkpoint that is its base model in another weight format. */
interface Conversion {
  readonly id: string;
  readonly baseModel: string;
  readonly format: string;
}

export interface Registry {
  /** Returns the record that a name means; throws `unknown-model` or `ambiguous-model` with names to choose from. */
  resolveModel(name: string): ModelRecord;
  /**
   * Returns the record and the weight format that the name of a checkpoint states: a tag of Ollama, a converted or
   * re-uploaded repository. Throws as `resolveModel` does, and `uncertain-weights` if the format is not certain.
   */
  resolveCheckpoint(name: string): NamedCheckpoint;
  /** Returns the record and mixture of a model of Ollama's library; null if the library has no such model. */
  resolveOllamaTag(tag: string): NamedCheckpoint | null;
  /** As `resolveModel`, for a drafter of speculative decoding: the drafters first, then the models. */
  resolveDrafter(name: string): ModelRecord;
  /** As `resolveModel`, for hardware; a memory variant is returned as its own record. */
  resolveHardware(name: string): HardwareRecord;
  /** Returns the published checkpoints that quantise this model, as their cards say. */
  checkpointsOf(id: string): readonly ModelRecord[];
  /** Returns further published checkpoints of this model, of which only the format is known. */
  conversionsOf(id: string): readonly Conversion[];
  listModels(): readonly ModelRow[];
  listHardware(): readonly HardwareRow[];
  /** Rows that many people ask for, in display order. */
  featuredModels(): readonly ModelRow[];
  featuredHardware(): readonly HardwareRow[];
  /** Returns the best matches first, for search as you type. An empty text returns the featured rows, then the others. */
  searchModels(text: string, limit?: number): readonly ModelRow[];
  searchHardware(text: string, limit?: number): readonly HardwareRow[];
}

const conversionsPath = 'checkpoints.json';
const searchLimit = 20;

/** Opens the registry. It reads an index at the first look-up of its kind, and a record when a name resolves to it. */
export function openRegistry(readText: ReadText): Registry {
  const models = once(() => new NameLookup<ModelRow>('model', readJson(readText, modelIndexPath), sistersOf));
  const hardware = once(() => new NameLookup<HardwareRow>('hardware', readJson(readText, hardwareIndexPath)));
  const library = once(
    () => readJson<{ readonly tags: readonly OllamaTag[] }>(readText, ollamaLibraryPath).tags,
  );
  const drafters = once(() => new NameLookup<ModelRow>('model', readJson(readText, drafterIndexPath)));
  return {
    resolveCheckpoint: (name) => checkpointNamed(name, models(), library),
    resolveOllamaTag: (tag) => findOllamaTag(tag, library()),
    resolveModel: (name) => readJson<ModelRecord>(readText, modelPath(models().find(name).id)),
    resolveDrafter: (name) => {
      const row = drafters().known(name);
      const path = row === null ? modelPath(models().find(name).id) : drafterPath(row.id);
      return readJson<ModelRecord>(readText, path);
    },
    resolveHardware: (name) => {
      const row = hardware().find(name);
      return selectVariant(readJson<HardwareFile>(readText, hardwarePath(row.file)), row);
    },
    checkpointsOf: (id) =>
      models()
        .rows.filter(({ quantization }) => quantization !== null)
        .map((row) => readJson<ModelRecord>(readText, modelPath(row.id)))
        .filter(({ baseModel }) => baseModel === id),
    conversionsOf: (id) =>
      readJson<{ readonly checkpoints: readonly Conversion[] }>(readText, conversionsPath).checkpoints.filter(
        ({ baseModel }) => baseModel === id,
      ),
    listModels: () => models().rows,
    listHardware: () => hardware().rows,
    featuredModels: () => models().featured,
    featuredHardware: () => hardware().featured,
    searchModels: (text, limit = searchLimit) =>
      searchOrGuess(models(), text, { label: (row) => row.family, limit }),
    searchHardware: (text, limit = searchLimit) =>
      searchOrGuess(hardware(), text, {
        label: (row) => `${row.vendor} ${row.name} ${row.class}`,
        limit,
        isListedLast: (row) => !row.servesLanguageModels,
      }),
  };
}

interface ListOptions<Row> extends SearchOptions<Row> {
  /** True for a row that a list without a search puts after all others. */
  readonly isListedLast?: (row: Row) => boolean;
}

/**
 * Returns the rows that contain the text or, if none does, the rows with the nearest names: a typo should not empty a
 * list. An empty text lists all rows, the featured rows first.
 */
function searchOrGuess<Row extends SearchableRow>(
  lookup: NameLookup<Row>,
  text: string,
  options: ListOptions<Row>,
): readonly Row[] {
  if (text.trim() === '') {
    const { isListedLast = () => false, limit } = options;
    const first = lookup.rows.filter((row) => !isListedLast(row));
    return [...new Set([...lookup.featured, ...first, ...lookup.rows])].slice(0, limit);
  }
  const found = searchRows(lookup.rows, text, options);
  return found.length > 0 ? found : lookup.nearest(text).slice(0, options.limit);
}

/** Returns the record as if its file described this amount of memory only. */
function selectVariant(file: HardwareFile, row: HardwareRow): HardwareRecord {
  const { variants, ...record } = file;
  if (row.variant === null) {
    assert(variants === undefined, `hardware ${row.id}: the file has variants and the index names none`);
    return record;
  }
  const variant = defined(
    variants?.find((candidate) => candidate.suffix === row.variant),
    `hardware ${row.id}: the index names a variant that ${row.file}.json lacks`,
  );
  const { marketed, nominalBytes, usableBytes } = variant;
  return {
    ...record,
    id: row.id,
    name: row.name,
    memory: { ...record.memory, marketed, nominalBytes, usableBytes },
  };
}

/** The tests of this package validate the shipped data, so its shape is not checked here. */
function readJson<Shape extends object>(readText: ReadText, path: string): Shape {
  return JSON.parse(readText(path)) as Shape;
}

/** Calls `make` once and returns the same value afterwards. */
function once<Value extends object>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
