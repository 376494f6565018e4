/** Reads the headers of a model file: tensors, metadata, and the architecture if it is known. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import type { GgufModel, ModelDirectory, ModelSpec, SafetensorsModel } from '@plimsoll/model-files';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import { isHubReference, parseHubReference } from './hub/hub-reference.ts';
import { findLocalModel, noSuchFile } from './local-model.ts';

export interface InspectedTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Name of the tensor's file. */
  readonly file: string;
  readonly offset: number;
}

/** Arrays show only their first elements. 64-bit integers are strings. */
export type InspectedValue =
  | string
  | number
  | boolean
  | {
      readonly elementType: string;
      readonly length: number;
      readonly first: readonly (string | number | boolean)[];
    };

export interface Inspection {
  readonly path: string;
  /** `GGUF v3`, `safetensors`. */
  readonly format: string;
  readonly files: readonly string[];
  /** Null if the file states no architecture, or an unknown one; then `problem` has the reason. */
  readonly spec: ModelSpec | null;
  readonly problem: string | null;
  readonly tensors: readonly InspectedTensor[];
  readonly metadata: Readonly<Record<string, InspectedValue>>;
}

/** A file of a checkpoint is inspected alone; a directory with its config. */
export async function inspect(
  reference: string,
  options: { readonly offline?: boolean | undefined } = {},
): Promise<Inspection> {
  if (/^https?:\/\//.test(reference)) {
    const { readGgufUrl } = await import('@plimsoll/model-files');
    return inspectGguf(reference, await readGgufUrl(reference));
  }
  if (isHubReference(reference)) {
    const { inspectedHubModel } = await import('./hub/inspected-hub-model.ts');
    const model = await inspectedHubModel(parseHubReference(reference), options);
    return 'gguf' in model
      ? inspectGguf(model.path, model.gguf)
      : inspectDirectory(model.path, model.directory);
  }
  if (/\.safetensors(\.index\.json)?$/.test(reference) && existsSync(reference))
    return inspectSafetensors(reference);
  const local = findLocalModel(reference);
  if (local === null) {
    throw noSuchFile(reference, {
      limit:
        'a .gguf, .safetensors or .safetensors.index.json file, a directory, hf:organisation/name, or the URL of a GGUF file',
      hint: 'check the path; plimsoll plan accepts names of models',
    });
  }
  const { readGgufFile, readModelDirectory } = await import('@plimsoll/model-files');
  if (local.kind === 'checkpoint') return inspectDirectory(local.path, await readModelDirectory(local.path));
  return inspectGguf(local.path, await readGgufFile(local.path));
}

async function inspectGguf(path: string, model: GgufModel): Promise<Inspection> {
  const { modelSpecFromGguf } = await import('@plimsoll/model-files');
  const [first] = model.parts;
  return {
    path,
    format: `GGUF v${first?.header.version ?? '?'}${first?.header.littleEndian === false ? ', big-endian' : ''}`,
    files: model.parts.map(({ name }) => name),
    ...specOrProblem(() => modelSpecFromGguf(model, { id: basename(path) })),
    tensors: model.tensors.map(({ name, type, shape, bytes, offset, part }) => ({
      name,
      type: type.name,
      shape,
      bytes,
      file: model.parts[part]?.name ?? '',
      offset,
    })),
    metadata: Object.fromEntries(Array.from(model.metadata, ([key, value]) => [key, shortened(value)])),
  };
}

async function inspectSafetensors(path: string): Promise<Inspection> {
  const { readSafetensors } = await import('@plimsoll/model-files');
  const unknown = {
    spec: null,
    problem: 'safetensors files state no architecture; inspect the directory with config.json instead',
  };
  return { path, ...unknown, ...safetensorsParts(await readSafetensors(path)) };
}

async function inspectDirectory(path: string, directory: ModelDirectory): Promise<Inspection> {
  const { modelSpecFromConfig } = await import('@plimsoll/model-files');
  const { weightsOf } = await import('@plimsoll/model-files/safetensors');
  const weights = weightsOf(directory, `plimsoll plan ${join(path, 'config.json')} needs no weights`);
  const spec = specOrProblem(() => modelSpecFromConfig(directory.config, { id: basename(resolve(path)) }));
  return { path, ...spec, ...safetensorsParts(weights) };
}

function safetensorsParts(model: SafetensorsModel): Omit<Inspection, 'path' | 'spec' | 'problem'> {
  const files = model.shards.map(({ name }) => name);
  return {
    format: 'safetensors',
    files,
    tensors: model.tensors.map(({ shard, ...tensor }) => ({ ...tensor, file: files[shard] ?? '' })),
    metadata: Object.assign({}, ...model.shards.map(({ header }) => header.metadata)),
  };
}

function specOrProblem(read: () => ModelSpec): Pick<Inspection, 'spec' | 'problem'> {
  try {
    return { spec: read(), problem: null };
  } catch (error) {
    // The command also shows files of other kinds than language models.
    if (error instanceof PlimsollError) return { spec: null, problem: error.message };
    throw error;
  }
}

/** Number of elements of an array that are shown. */
const shownElements = 4;

function shortened(value: GgufValue): InspectedValue {
  if (value.type !== 'array') return plain(value.value);
  const first = (value.values ?? []).slice(0, shownElements);
  return {
    elementType: value.elementType,
    length: value.length,
    first: first.map((element) =>
      typeof element === 'object' ? `array of ${element.length}` : plain(element),
    ),
  };
}

function plain(value: number | bigint | boolean | string): number | boolean | string {
  return typeof value === 'bigint' ? String(value) : value;
}
