/** The registry over the data files of this package: the only place here that touches a file system. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openRegistry, type Registry } from './registry.ts';

/** Where the records are, for tools that walk all of them. */
export const dataDirectory: string = fileURLToPath(new URL('../data', import.meta.url));

/** Opened at import and lazy inside: nothing is read before the first question. */
export const shippedRegistry: Registry = openRegistry((path) =>
  readFileSync(`${dataDirectory}/${path}`, 'utf8'),
);

export const {
  resolveModel,
  resolveHardware,
  listModels,
  listHardware,
  featuredModels,
  featuredHardware,
  searchModels,
  searchHardware,
}: Registry = shippedRegistry;

/** Flags of an engine's own command line that change no memory of a device, as a release has them. */
export interface EngineFlags {
  readonly release: string;
  /** Without a value. */
  readonly switches: readonly string[];
  /** With one value. */
  readonly options: readonly string[];
  /** With as many values as follow. */
  readonly lists: readonly string[];
}

/** Null for an engine without such a list. */
export function engineFlags(engine: string): EngineFlags | null {
  const path = `${dataDirectory}/engines/flags/${engine}.json`;
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as EngineFlags) : null;
}
