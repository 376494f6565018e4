/** Reads GGUF models from a directory or a server. No deeper file uses Node's file system. */
import { basename, dirname, join } from 'node:path';
import { monotonicClock, PlimsollError } from '@plimsoll/foundation';
import { openFileSource, openFileSourceIfPresent } from '../byte-source-file.ts';
import { type HttpSourceOptions, openHttpSource } from '../byte-source-http.ts';
import { HttpBudget } from '../http-budget.ts';
import type { GgufReadOptions } from './read-header.ts';
import { type GgufModel, readGgufModel } from './split-files.ts';

/** Reads a local model. `path` may name any part of a split model; the other parts must be in the same directory. */
export async function readGgufFile(path: string, options: GgufReadOptions = {}): Promise<GgufModel> {
  const named = { name: basename(path), source: await openFileSource(path) };
  return readGgufModel(named, (name) => openFileSourceIfPresent(join(dirname(path), name)), options);
}

/** Reads a model over HTTP: `https://huggingface.co/<repo>/resolve/main/<file>.gguf`. */
export async function readGgufUrl(
  url: string,
  options: GgufReadOptions & { readonly http?: HttpSourceOptions } = {},
): Promise<GgufModel> {
  const address = parseAddress(url);
  const slash = address.pathname.lastIndexOf('/') + 1;
  const http = { budget: new HttpBudget(monotonicClock), ...options.http };
  const named = { name: address.pathname.slice(slash), source: await openHttpSource(url, http) };
  const open = async (name: string) => {
    const beside = new URL(address);
    beside.pathname = address.pathname.slice(0, slash) + name;
    try {
      return await openHttpSource(beside.href, http);
    } catch (error) {
      if (error instanceof PlimsollError && error.code === 'http-status' && error.value === 404) return null;
      throw error;
    }
  };
  return readGgufModel(named, open, options);
}

function parseAddress(url: string): URL {
  const address = URL.parse(url);
  if (address !== null && /^https?:$/.test(address.protocol)) return address;
  throw new PlimsollError({
    code: 'bad-address',
    message: `"${url}" is not an address of a file`,
    value: url,
    limit: 'http:// or https://',
    hint: 'write https://huggingface.co/<repo>/resolve/main/<file>.gguf, or a path',
  });
}
