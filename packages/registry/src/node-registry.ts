/** The registry over the data files of this package: the only place here that touches a file system. */
import { readFileSync } from 'node:fs';
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
