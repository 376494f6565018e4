/**
 * Resolves the model argument of a command: a registry name or Hugging Face id, a model of the Hub (`hf:`), a local model
 * (local-model.ts), or the URL of a GGUF file. A name that exists on disk is a file.
 */
import { basename, dirname } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { modelSpecFromConfig, modelSpecFromRecord } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { resolveDrafter, resolveModel } from '@plimsoll/registry';
import { isHubReference, parseHubReference } from './hub/hub-reference.ts';
import { findLocalModel, type LocalModel, noSuchFile } from './local-model.ts';
import { configOptions, type ReferenceOptions } from './reference-options.ts';

export async function modelFromReference(
  reference: string,
  options: ReferenceOptions = {},
): Promise<ModelSpec> {
  if (/^https?:\/\//.test(reference)) return ggufFrom(reference, options);
  if (isHubReference(reference)) {
    const { modelFromHubReference } = await import('./hub-model.ts');
    return modelFromHubReference(parseHubReference(reference), options);
  }
  const local = findLocalModel(reference);
  if (local !== null) return modelFromPath(local, options);
  if (/\.(gguf|safetensors|json)$/i.test(reference) || /^[./~]/.test(reference)) {
    throw noSuchFile(reference, {
      message: `there is no file "${reference}"`,
      limit:
        'a registry name, hf:organisation/name, a directory, config.json, .gguf, .safetensors or .safetensors.index.json',
      hint: 'plimsoll zoo models lists the registry',
    });
  }
  try {
    return modelFromRegistry(reference, options);
  } catch (error) {
    const isUnknown = error instanceof PlimsollError && error.code === 'unknown-model';
    if (!isUnknown || !isHubName(reference)) throw error;
    const { modelFromHub } = await import('./hub-model.ts');
    return modelFromHub(reference, options, error);
  }
}

/** `organisation/name`, with a revision after @ or a mixture after a colon. */
function isHubName(reference: string): boolean {
  return /^[\w.-]{1,96}\/[\w.-]{1,96}(?:[@:][\w./-]{1,96})?$/.test(reference);
}

export function modelFromRegistry(name: string, options: ReferenceOptions = {}): ModelSpec {
  const record = options.isDrafter === true ? resolveDrafter(name) : resolveModel(name);
  return modelSpecFromRecord(record, configOptions(options));
}

async function modelFromPath({ kind, path }: LocalModel, options: ReferenceOptions): Promise<ModelSpec> {
  if (kind === 'gguf') return ggufFrom(path, options);
  if (kind === 'config') return modelFromConfigFile(path, basename(dirname(path)), options);
  const { modelSpecFromDirectory } = await import('@plimsoll/model-files');
  return modelSpecFromDirectory(path, configOptions(options));
}

async function modelFromConfigFile(
  path: string,
  name: string,
  options: ReferenceOptions,
): Promise<ModelSpec> {
  const { readJsonFile } = await import('@plimsoll/model-files/files');
  return modelSpecFromConfig(await readJsonFile(path), {
    id: name === '.' || name === '' ? basename(path) : name,
    ...configOptions(options),
  });
}

async function ggufFrom(reference: string, options: ReferenceOptions): Promise<ModelSpec> {
  const { modelSpecFromGguf, readGgufFile, readGgufUrl } = await import('@plimsoll/model-files');
  const isAddress = /^https?:\/\//.test(reference);
  const model = isAddress ? await readGgufUrl(reference) : await readGgufFile(reference);
  return modelSpecFromGguf(model, {
    id: basename(reference),
    ...(options.assume !== undefined && { assume: options.assume }),
  });
}
