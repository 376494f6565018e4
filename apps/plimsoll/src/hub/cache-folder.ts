/**
 * The cache of Hugging Face's library, version 1:
 *
 *   models--organisation--name/
 *     blobs/<hash>                   contents, named by their hash
 *     blobs/<hash>.incomplete        the first bytes of a download
 *     snapshots/<commit>/<path>      relative links to blobs
 *     refs/<revision>                the commit that a branch or a tag named when it was last read
 *   .locks/models--organisation--name/<hash>.*
 */

import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { link, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import { chooseModel, type ModelChoice } from './model-choice.ts';
import type { RepositoryAddress, RepositoryFile } from './repository-files.ts';

const folderDepthMax = 8;

export interface RepositoryFolder {
  readonly path: string;
  readonly locks: string;
}

export function repositoryFolder(cacheFolder: string, id: string): RepositoryFolder {
  const name = `models--${id.replaceAll('/', '--')}`;
  return { path: join(cacheFolder, name), locks: join(cacheFolder, '.locks', name) };
}

export function blobPath({ path }: RepositoryFolder, { hash }: Pick<RepositoryFile, 'hash'>): string {
  return join(path, 'blobs', hash);
}

export function snapshotPath({ path }: RepositoryFolder, commit: string): string {
  return join(path, 'snapshots', commit);
}

/** True if the file exists with this size. */
export function hasBytes(path: string, sizeBytes: number): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.isFile() === true && status.size === sizeBytes;
}

/** Links a file of a snapshot to its blob. Another process may make the same link at the same time. */
export async function linkBlob(
  folder: RepositoryFolder,
  { commit, file }: { readonly commit: string; readonly file: RepositoryFile },
): Promise<void> {
  const target = blobPath(folder, file);
  const path = join(snapshotPath(folder, commit), ...file.path.split('/'));
  if (hasBytes(path, file.sizeBytes)) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.link`;
  await rm(temporary, { force: true });
  try {
    await symlink(relative(dirname(path), target), temporary);
  } catch (error) {
    // Windows lets only administrators and developers make symbolic links.
    if (systemErrorCode(error) !== 'EPERM') throw error;
    await link(target, temporary);
  }
  // A rename replaces a dangling link too.
  await rename(temporary, path);
}

/** Records the commit of a branch or a tag. A commit needs no record. */
export async function writeReference(
  { path }: RepositoryFolder,
  { revision, commit }: { readonly revision: string; readonly commit: string },
): Promise<void> {
  if (revision === commit) return;
  const file = join(path, 'refs', ...revision.split('/'));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, commit);
  await rename(`${file}.${process.pid}`, file);
}

/** A complete model of the cache. */
export interface CachedModel {
  readonly choice: ModelChoice;
  readonly commit: string;
  /** Path of the snapshot. */
  readonly snapshot: string;
}

/** Finds a complete model at the last known commit of the revision; null if the cache lacks a part of it. */
export function findCachedModel(
  cacheFolder: string,
  { id, revision }: RepositoryAddress,
  choose: (files: readonly RepositoryFile[]) => ModelChoice | null,
): CachedModel | null {
  const folder = repositoryFolder(cacheFolder, id);
  const commit = knownCommit(folder, revision);
  if (commit === null) return null;
  const snapshot = snapshotPath(folder, commit);
  const choice = choose(snapshotFiles(snapshot));
  if (choice === null || (choice.kind === 'safetensors' && !isWholeCheckpoint(snapshot, choice))) return null;
  return { choice, commit, snapshot };
}

/** The choice among the files of the cache without the network, where the cache may have only a part of the repository. */
export function chooseCached(
  variant: string | null,
  { isOffline }: { readonly isOffline: boolean },
): (files: readonly RepositoryFile[]) => ModelChoice | null {
  return (files) => {
    const { chosen } = chooseModel(files, variant);
    // The repository may have the usual quantisation although the cache has only another one.
    if (isOffline || variant !== null || chosen === null) return chosen;
    return chosen.kind === 'safetensors' || chosen.label === 'Q4_K_M' ? chosen : null;
  };
}

function knownCommit({ path }: RepositoryFolder, revision: string): string | null {
  if (/^[0-9a-f]{40}$/.test(revision)) return revision;
  const file = join(path, 'refs', ...revision.split('/'));
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const commit = readFileSync(file, 'utf8').trim();
  return /^[0-9a-f]{40}$/.test(commit) ? commit : null;
}

/** Files of a snapshot whose blobs are complete: a blob gets its name when its last byte is written. */
export function snapshotFiles(snapshot: string, folder = '', depth = 0): readonly RepositoryFile[] {
  const path = join(snapshot, folder);
  if (depth > folderDepthMax || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry): readonly RepositoryFile[] => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return snapshotFiles(snapshot, name, depth + 1);
    const status = statSync(join(snapshot, ...name.split('/')), { throwIfNoEntry: false });
    return status?.isFile() === true ? [{ path: name, sizeBytes: status.size, hash: '' }] : [];
  });
}

/** Python's library writes refs/ first and may have fetched config.json alone. */
export function isWholeCheckpoint(snapshot: string, { files }: ModelChoice): boolean {
  const names = new Set(files.map(({ path }) => path));
  if (!names.has('tokenizer.json')) return false;
  if (!names.has('model.safetensors.index.json')) return true;
  const shards = shardsOf(join(snapshot, 'model.safetensors.index.json'));
  return shards?.every((shard) => typeof shard === 'string' && names.has(shard)) === true;
}

/** Null for an index that cannot be read: another program may have been stopped while it wrote the file. */
function shardsOf(indexPath: string): readonly unknown[] | null {
  try {
    const index: unknown = JSON.parse(readFileSync(indexPath, 'utf8'));
    const shards: readonly unknown[] = Object.values(Object(Object(index).weight_map));
    return shards.length === 0 ? null : shards;
  } catch {
    return null;
  }
}

/** The path that the engine opens: the first GGUF file, or the snapshot with config.json and safetensors. */
export function openedPath(snapshot: string, { kind, main }: ModelChoice): string {
  return kind === 'gguf' ? join(snapshot, ...main.split('/')) : snapshot;
}
