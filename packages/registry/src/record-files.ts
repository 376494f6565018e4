/** Reads and validates every record: for the index tool and the tests; a plan never does this. */
import { readdirSync, readFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import { type Featured, featuredPath, featuredSchema } from './featured-schema.ts';
import { type HardwareFile, hardwareSchema } from './hardware-schema.ts';
import { type ModelRecord, modelSchema } from './model-schema.ts';
import { drafterPath, hardwarePath, modelPath } from './registry-paths.ts';

/** Reads all model records; a malformed file, or a file that is not named after its record, is an error. */
export function readModelFiles(dataDirectory: string): readonly ModelRecord[] {
  return readAll(dataDirectory, 'models', { schema: modelSchema, pathOf: (model) => modelPath(model.id) });
}

/** Reads the records of drafters, which have the schema of models. */
export function readDrafterFiles(dataDirectory: string): readonly ModelRecord[] {
  return readAll(dataDirectory, 'drafters', {
    schema: modelSchema,
    pathOf: (model) => drafterPath(model.id),
  });
}

export function readHardwareFiles(dataDirectory: string): readonly HardwareFile[] {
  return readAll(dataDirectory, 'hardware', {
    schema: hardwareSchema,
    pathOf: (file) => hardwarePath(file.id),
  });
}

/** Reads the list of featured records; the index builder checks that each record exists. */
export function readFeatured(dataDirectory: string): Featured {
  return readRecord(dataDirectory, featuredPath, featuredSchema);
}

function readAll<Schema extends z.ZodType>(
  dataDirectory: string,
  folder: string,
  kind: { readonly schema: Schema; readonly pathOf: (record: z.output<Schema>) => string },
): readonly z.output<Schema>[] {
  const names = readdirSync(`${dataDirectory}/${folder}`, { recursive: true, encoding: 'utf8' });
  const paths = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
  return paths.sort().map((path) => {
    const record = readRecord(dataDirectory, path, kind.schema);
    const expected = kind.pathOf(record);
    if (expected !== path) throw badRecord(path, `its id belongs in ${expected}`);
    return record;
  });
}

function readRecord<Schema extends z.ZodType>(
  dataDirectory: string,
  path: string,
  schema: Schema,
): z.output<Schema> {
  const parsed = schema.safeParse(JSON.parse(readFileSync(`${dataDirectory}/${path}`, 'utf8')));
  if (parsed.success) return parsed.data;
  throw badRecord(path, z.prettifyError(parsed.error));
}

function badRecord(path: string, problem: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-record',
    message: `${path}: ${problem}`,
    value: path,
    hint: 'compare with a record beside it; the fields are described in the *-schema.ts files of this package',
  });
}
