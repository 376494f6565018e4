/**
 * The registry over this package's data files: the only file of this package that reads records from the disk at run time.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openRegistry, type Registry } from './registry.ts';

/** The folder of the records, for tools that read all of them. */
export const dataDirectory: string = fileURLToPath(new URL('../data', import.meta.url));

/** Opened at import and lazy: it reads nothing before the first look-up. */
export const shippedRegistry: Registry = openRegistry((path) =>
  readFileSync(`${dataDirectory}/${path}`, 'utf8'),
);

export const {
  resolveModel,
  resolveCheckpoint,
  resolveDrafter,
  resolveHardware,
  listModels,
  listHardware,
  featuredModels,
  featuredHardware,
  searchModels,
  searchHardware,
}: Registry = shippedRegistry;

/** Flags of an engine's own command line, as of one release: those that change no device memory, and those that no plan models. */
export interface EngineFlags {
  readonly release: string;
  /** Flags without a value. */
  readonly switches: readonly string[];
  /** Flags with one value. */
  readonly options: readonly string[];
  /** Flags with any number of values. */
  readonly lists: readonly string[];
  /** Flags that change memory, without a value and with one: refused by name where no option of the profile takes them. */
  readonly memorySwitches?: readonly string[];
  readonly memoryOptions?: readonly string[];
}

/** Returns null for an engine without a list of such flags. */
export function engineFlags(engine: string): EngineFlags | null {
  const path = `${dataDirectory}/engines/flags/${engine}.json`;
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as EngineFlags) : null;
}
