/**
 * Resolves the model argument of a command: a registry name or Hugging Face id, a local directory, a config.json, a
 * GGUF or safetensors file or index, or the URL of a GGUF file. A name that exists on disk is a file.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { modelSpecFromConfig, modelSpecFromRecord } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { resolveDrafter, resolveModel } from '@plimsoll/registry';
import { configOptions, type ReferenceOptions } from './reference-options.ts';

export async function modelFromReference(
  reference: string,
  options: ReferenceOptions = {},
): Promise<ModelSpec> {
  if (/^https?:\/\//.test(reference)) return ggufFrom(reference, options);
  if (existsSync(reference)) return modelFromPath(reference, options);
  if (/\.(gguf|safetensors|json)$/i.test(reference) || /^[./~]/.test(reference)) {
    throw new PlimsollError({
      code: 'no-such-file',
      message: `there is no file "${reference}"`,
      value: reference,
      limit: 'a registry name, a directory, config.json, .gguf, .safetensors or .safetensors.index.json',
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

async function modelFromPath(path: string, options: ReferenceOptions): Promise<ModelSpec> {
  if (statSync(path).isDirectory()) return modelFromDirectory(path, options);
  if (path.endsWith('.gguf')) return ggufFrom(path, options);
  if (/\.safetensors(\.index\.json)?$/.test(path)) return modelFromDirectory(dirname(path), options);
  return modelFromConfigFile(path, basename(dirname(path)), options);
}

/** A Hugging Face directory: its config.json has everything that a plan needs. */
async function modelFromDirectory(path: string, options: ReferenceOptions): Promise<ModelSpec> {
  const config = join(path, 'config.json');
  if (existsSync(config)) {
    const { modelSpecFromDirectory } = await import('@plimsoll/model-files');
    return modelSpecFromDirectory(path, configOptions(options));
  }
  throw new PlimsollError({
    code: 'no-config',
    message: `"${path}" has no config.json`,
    value: path,
    limit: 'a directory as Hugging Face lays it out, or a .gguf file',
    hint: `plimsoll plan ${path}/<file>.gguf`,
  });
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
