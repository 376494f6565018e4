/** The files of a repository at one commit, as the Hub lists them. Nothing of a listing is trusted. */
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import { badListing, readHubJson } from './hub-request.ts';
import type { HubSettings } from './hub-settings.ts';

/** The largest repositories of models have a few thousand files. */
const fileCountMax = 100_000;
const pageCountMax = 200;
const pathLengthMax = 1024;

export interface RepositoryFile {
  /** Path with slashes; no part of it is empty, `.` or `..`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Name of the file's blob: the SHA-256 of a large file, the git hash (SHA-1) of a small file. */
  readonly hash: string;
}

export interface Repository {
  readonly id: string;
  /** The 40 digits of the commit that the revision names now. */
  readonly commit: string;
  readonly files: readonly RepositoryFile[];
}

export interface RepositoryAddress {
  readonly id: string;
  readonly revision: string;
}

/** Reads the commit of a revision and the list of its files. */
export async function listRepository(
  settings: HubSettings,
  { id, revision }: RepositoryAddress,
): Promise<Repository> {
  const base = `${settings.endpoint}/api/models/${id}`;
  const commitUrl = `${base}/revision/${encodeURIComponent(revision)}`;
  const commit = await readCommit(settings, commitUrl, { id, revision });
  const files: RepositoryFile[] = [];
  let url: string | null = `${base}/tree/${commit}?recursive=true`;
  for (let page = 0; url !== null; page++) {
    if (page >= pageCountMax) throw badListing(url, `more than ${pageCountMax} pages`, pageCountMax);
    const answer = await readHubJson(settings, url);
    if (!Array.isArray(answer.value)) throw badListing(url, 'something other than a list of files');
    for (const entry of answer.value as readonly unknown[]) files.push(...filesOf(url, entry));
    if (files.length > fileCountMax) throw badListing(url, `more than ${fileCountMax} files`, fileCountMax);
    url = answer.next;
  }
  return { id, commit, files };
}

export function fileAddress({ endpoint }: HubSettings, { id, commit }: Repository, path: string): string {
  return `${endpoint}/${id}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

async function readCommit(
  settings: HubSettings,
  url: string,
  { id, revision }: RepositoryAddress,
): Promise<string> {
  const answer = await readHubJson(settings, url).catch((error: unknown) => {
    if (!(error instanceof PlimsollError) || error.code !== 'hub-not-found') throw error;
    const message = `${settings.endpoint} has no repository ${id} with the revision ${revision}`;
    throw new PlimsollError({ ...error.toJSON(), message }, { cause: error });
  });
  const sha: unknown = Object(answer.value).sha;
  if (typeof sha === 'string' && /^[0-9a-f]{40}$/.test(sha)) return sha;
  throw badListing(url, 'no commit of the revision', 'a "sha" of 40 hexadecimal digits');
}

/** One file, or none for a folder. */
function filesOf(url: string, entry: unknown): readonly RepositoryFile[] {
  const { type, path, size, oid, lfs } = Object(entry) as Readonly<Record<string, unknown>>;
  if (type === 'directory') return [];
  if (typeof path !== 'string' || !isSafePath(path)) throw badEntry(url, 'path', path);
  const stored = lfs === undefined || lfs === null ? { size, oid } : Object(lfs);
  const isHash = lfs === undefined || lfs === null ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/;
  const { size: sizeBytes, oid: hash } = stored as Readonly<Record<string, unknown>>;
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw badEntry(url, 'size', sizeBytes);
  if (typeof hash !== 'string' || !isHash.test(hash)) throw badEntry(url, 'hash', hash);
  return [{ path, sizeBytes, hash }];
}

/** A path that stays inside the repository's folder on every system. */
function isSafePath(path: string): boolean {
  if (path.length > pathLengthMax || path.includes('\\') || /^[a-z]:/i.test(path)) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression searches for control characters.
  if (/[\u0000-\u001f\u007f]/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function badEntry(url: string, kind: string, value: unknown): PlimsollError {
  return badListing(url, `a file with the ${kind} ${jsonPreview(value)}`);
}
