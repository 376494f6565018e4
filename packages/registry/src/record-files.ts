/** Reads and validates every record: what the index tool and the tests do, and a plan never does. */
import { readdirSync, readFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import { type HardwareFile, hardwareSchema } from './hardware-schema.ts';
import { type ModelRecord, modelSchema } from './model-schema.ts';
import { hardwarePath, modelPath } from './registry.ts';

/** All model records; a file that is malformed or not named after its record is an error. */
export function readModelFiles(dataDirectory: string): readonly ModelRecord[] {
  return readAll(dataDirectory, 'models', { schema: modelSchema, pathOf: (model) => modelPath(model.id) });
}

export function readHardwareFiles(dataDirectory: string): readonly HardwareFile[] {
  return readAll(dataDirectory, 'hardware', {
    schema: hardwareSchema,
    pathOf: (file) => hardwarePath(file.id),
  });
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
    const parsed = kind.schema.safeParse(JSON.parse(readFileSync(`${dataDirectory}/${path}`, 'utf8')));
    if (!parsed.success) throw badRecord(path, z.prettifyError(parsed.error));
    const expected = kind.pathOf(parsed.data);
    if (expected !== path) throw badRecord(path, `its id belongs in ${expected}`);
    return parsed.data;
  });
}

function badRecord(path: string, problem: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-record',
    message: `${path}: ${problem}`,
    value: path,
    hint: 'compare with a record beside it; the fields are described in hardware-schema.ts and model-schema.ts',
  });
}
