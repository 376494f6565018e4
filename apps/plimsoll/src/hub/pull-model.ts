/**
 * Gets a model of the Hub into the cache:
 *
 *   cache -> listing -> choice -> fit (header alone) -> free disk -> blobs -> links -> reference
 *
 * The reference is written last, so that an interrupted download is never taken for a model.
 */
import { statSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { lockBlob } from './blob-lock.ts';
import {
  blobPath,
  type CachedModel,
  chooseCached,
  findCachedModel,
  hasBytes,
  linkBlob,
  openedPath,
  type RepositoryFolder,
  repositoryFolder,
  snapshotPath,
  writeReference,
} from './cache-folder.ts';
import { diskError, downloadBlob } from './download-blob.ts';
import { type HubReference, hubReferenceText } from './hub-reference.ts';
import type { HubSettings } from './hub-settings.ts';
import { chooseModel } from './model-choice.ts';
import { admitRemote, type FitCheck } from './remote-fit.ts';
import { fileAddress, listRepository, type Repository, type RepositoryFile } from './repository-files.ts';
import { noSingleModel } from './several-models.ts';

/** Bytes that stay free on the disk for everything else. */
const diskReserveBytes = 64 * 1024 * 1024;

/** Shows a download. All methods take the bytes of all files together. */
export interface DownloadReport {
  start(words: string, download: { readonly totalBytes: number; readonly doneBytes: number }): void;
  progress(doneBytes: number): void;
  message(words: string): void;
  end(): void;
}

export interface PullOptions {
  /** Null: the model is for another engine, or its user accepts that it does not fit. */
  readonly fit: FitCheck | null;
  /** True: ask the Hub which commit the revision names now. Else a model in the cache is used as it is. */
  readonly asksForNews: boolean;
  readonly report: DownloadReport;
}

export interface PulledModel extends CachedModel {
  /** The GGUF file or the directory that an engine opens. */
  readonly path: string;
  readonly downloadedBytes: number;
}

export async function pullModel(
  settings: HubSettings,
  reference: HubReference,
  options: PullOptions,
): Promise<PulledModel> {
  const isOffline = settings.offlineBy !== null;
  if (isOffline || !options.asksForNews) {
    const cached = cachedModel(settings, reference);
    if (cached !== null) return cached;
  }
  if (isOffline) throw notInCache(settings, reference);
  const repository = await listRepository(settings, reference);
  const { chosen, candidates } = chooseModel(repository.files, reference.variant);
  if (chosen === null)
    throw await noSingleModel(settings, { reference, repository, candidates, fit: options.fit });
  const folder = repositoryFolder(settings.cacheFolder, reference.id);
  const missing = chosen.files.filter((file) => !hasBytes(blobPath(folder, file), file.sizeBytes));
  if (missing.length > 0 && options.fit !== null)
    await admitRemote(settings, { repository, choice: chosen, candidates, fit: options.fit });
  try {
    await mkdir(join(folder.path, 'blobs'), { recursive: true });
    await refuseFullDisk(folder, missing);
    const downloadedBytes = await downloadFiles(settings, { repository, folder, missing }, options.report);
    const { commit } = repository;
    for (const file of chosen.files) await linkBlob(folder, { commit, file });
    await writeReference(folder, { revision: reference.revision, commit });
    return pulled({ choice: chosen, commit, snapshot: snapshotPath(folder, commit) }, downloadedBytes);
  } catch (error) {
    throw diskError(error, folder.path);
  }
}

/** The model as the cache has it, without a request; null if the cache lacks a part of it. */
export function cachedModel(settings: HubSettings, reference: HubReference): PulledModel | null {
  const choose = chooseCached(reference.variant, { isOffline: settings.offlineBy !== null });
  const found = findCachedModel(settings.cacheFolder, reference, choose);
  return found === null ? null : pulled(found, 0);
}

function pulled(model: CachedModel, downloadedBytes: number): PulledModel {
  return { ...model, path: openedPath(model.snapshot, model.choice), downloadedBytes };
}

interface Missing {
  readonly repository: Repository;
  readonly folder: RepositoryFolder;
  readonly missing: readonly RepositoryFile[];
}

async function downloadFiles(
  settings: HubSettings,
  { repository, folder, missing }: Missing,
  report: DownloadReport,
): Promise<number> {
  const totalBytes = sumOf(missing);
  let doneBytes = 0;
  let downloadedBytes = 0;
  report.start(repository.id, { totalBytes, doneBytes });
  try {
    for (const file of missing) {
      const path = blobPath(folder, file);
      const lock = await lockBlob(join(folder.locks, `${file.hash}.plimsoll`), () =>
        report.message(`waiting for another process that downloads ${file.path}`),
      );
      try {
        // The process that held the lock may have downloaded the file.
        if (!hasBytes(path, file.sizeBytes)) {
          const url = fileAddress(settings, repository, file.path);
          const onBytes = (count: number): void => report.progress(doneBytes + count);
          await downloadBlob(settings, { url, file, path, onBytes });
          downloadedBytes += file.sizeBytes;
        }
      } finally {
        lock.release();
      }
      doneBytes += file.sizeBytes;
    }
    return downloadedBytes;
  } finally {
    report.end();
  }
}

function sumOf(files: readonly RepositoryFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Bytes of earlier attempts count as free: they are on the disk. */
async function refuseFullDisk(folder: RepositoryFolder, missing: readonly RepositoryFile[]): Promise<void> {
  const { bavail, bsize } = await statfs(folder.path);
  const present = missing.map(
    (file) => statSync(`${blobPath(folder, file)}.incomplete`, { throwIfNoEntry: false })?.size ?? 0,
  );
  const needed = sumOf(missing) - present.reduce((sum, size) => sum + size, 0);
  const free = bavail * bsize - diskReserveBytes;
  if (needed <= free || missing.length === 0) return;
  throw new PlimsollError({
    code: 'disk-full',
    message: `the download needs ${formatBytes(needed)} and the disk of ${dirname(folder.path)} has ${formatBytes(Math.max(0, free))} free`,
    value: needed,
    limit: Math.max(0, free),
    hint: 'free some space, take a smaller quantisation, or move the cache with HF_HUB_CACHE',
  });
}

/** The error for a model that would need a request. */
export function notInCache({ offlineBy, cacheFolder }: HubSettings, reference: HubReference): PlimsollError {
  const text = hubReferenceText(reference);
  return new PlimsollError({
    code: 'not-in-cache',
    message: `${text} is not complete in the cache, and ${offlineBy} forbids the download`,
    value: text,
    limit: cacheFolder,
    hint: `plimsoll pull ${text} on a machine with a network, or leave ${offlineBy} out`,
  });
}
