/**
 * Finds the model that a local name means, the same for every command: a GGUF file with or without its ending, a directory
 * of Hugging Face, a directory with one GGUF model, a config.json, or a part of a checkpoint.
 */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { ggufModels } from './hub/model-choice.ts';

export interface LocalModel {
  /** `checkpoint` is a directory with config.json, with or without weights. */
  readonly kind: 'gguf' | 'checkpoint' | 'config';
  /** The GGUF file (the first part of a split model), the directory, or the JSON file. */
  readonly path: string;
}

/** Returns null if no file or directory has this name. */
export function findLocalModel(name: string): LocalModel | null {
  if (!existsSync(name)) {
    const withEnding = `${name}.gguf`;
    return existsSync(withEnding) ? { kind: 'gguf', path: withEnding } : null;
  }
  if (statSync(name).isDirectory()) return modelOfDirectory(name);
  if (/\.safetensors(?:\.index\.json)?$/.test(name)) return { kind: 'checkpoint', path: dirname(name) };
  return { kind: isGguf(name) ? 'gguf' : 'config', path: name };
}

/** The error for a name that no file has. `limit` says what the command accepts. */
export function noSuchFile(
  name: string,
  { message, limit, hint }: { readonly message?: string; readonly limit: string; readonly hint: string },
): PlimsollError {
  return new PlimsollError({
    code: 'no-such-file',
    message: message ?? `there is no file or directory "${name}"`,
    value: name,
    limit,
    hint,
  });
}

function modelOfDirectory(path: string): LocalModel {
  const has = (name: string): boolean => existsSync(join(path, name));
  const hasWeights = has('model.safetensors') || has('model.safetensors.index.json');
  if (has('config.json') && hasWeights) return { kind: 'checkpoint', path };
  const [model, ...others] = ggufModels(filesOf(path));
  if (model !== undefined && others.length === 0) return { kind: 'gguf', path: join(path, model.main) };
  if (model !== undefined) {
    const models = [model, ...others];
    throw new PlimsollError({
      code: 'several-models',
      message: `"${path}" has ${models.length} GGUF models`,
      value: path,
      limit: models.map(({ main, sizeBytes }) => `${main} (${formatBytes(sizeBytes)})`).join(', '),
      hint: join(path, model.main),
    });
  }
  if (has('config.json')) return { kind: 'checkpoint', path };
  throw new PlimsollError({
    code: 'no-config',
    message: `"${path}" has neither config.json nor a GGUF file`,
    value: path,
    limit: 'a directory with config.json and safetensors, or with the files of one GGUF model',
    hint: 'name the directory of the weights',
  });
}

function filesOf(path: string): Parameters<typeof ggufModels>[0] {
  return readdirSync(path).flatMap((name) => {
    const status = statSync(join(path, name), { throwIfNoEntry: false });
    return status?.isFile() === true ? [{ path: name, sizeBytes: status.size, hash: '' }] : [];
  });
}

/** A blob of a cache has no ending: the first bytes say what it is. */
function isGguf(path: string): boolean {
  if (/\.gguf$/i.test(path)) return true;
  // Opening a pipe would wait for its writer.
  if (/\.json$/i.test(path) || !statSync(path).isFile()) return false;
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(4);
    readSync(file, start, 0, start.length, 0);
    return start.toString('latin1') === 'GGUF';
  } finally {
    closeSync(file);
  }
}
