/** The models of the cache: what `pull --list` shows and `rm` removes. */
import { lstatSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { isWholeCheckpoint, openedPath, repositoryFolder, snapshotFiles } from './cache-folder.ts';
import { type HubReference, hubReferenceText } from './hub-reference.ts';
import { chooseModel, ggufModels, type ModelChoice, safetensorsModel } from './model-choice.ts';

export interface ListedCachedModel {
  readonly reference: HubReference;
  readonly commit: string;
  readonly snapshot: string;
  readonly choice: ModelChoice;
  /** What an engine opens. */
  readonly path: string;
}

/** Every complete model of the cache, by name. A commit that no branch names any more is named itself. */
export function listCachedModels(cacheFolder: string): readonly ListedCachedModel[] {
  return namesIn(cacheFolder)
    .filter((name) => /^models--[^-].*--/.test(name))
    .toSorted()
    .flatMap((name) => modelsOfRepository(cacheFolder, name.slice('models--'.length).replace('--', '/')));
}

function modelsOfRepository(cacheFolder: string, id: string): readonly ListedCachedModel[] {
  const { path } = repositoryFolder(cacheFolder, id);
  const branches = new Map(referencesIn(join(path, 'refs')).map(({ name, commit }) => [commit, name]));
  return namesIn(join(path, 'snapshots')).flatMap((commit) => {
    const snapshot = join(path, 'snapshots', commit);
    const revision = branches.get(commit) ?? commit;
    return modelsOfSnapshot(snapshot).map((choice) => {
      const variant = choice.kind === 'safetensors' ? null : choice.label;
      const reference = { id, variant, revision };
      return { reference, commit, snapshot, choice, path: openedPath(snapshot, choice) };
    });
  });
}

function modelsOfSnapshot(snapshot: string): readonly ModelChoice[] {
  const files = snapshotFiles(snapshot);
  const checkpoint = safetensorsModel(files);
  const isWhole = checkpoint !== null && isWholeCheckpoint(snapshot, checkpoint);
  return [...ggufModels(files), ...(isWhole ? [checkpoint] : [])];
}

/** Branches and tags with slashes are folders. */
function referencesIn(
  folder: string,
  prefix = '',
): readonly { readonly name: string; readonly commit: string }[] {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    if (lstatSync(path).isDirectory()) return referencesIn(path, `${prefix}${name}/`);
    return [{ name: `${prefix}${name}`, commit: readFileSync(path, 'utf8').trim() }];
  });
}

function namesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : [];
}

/** The one model that the reference names in the cache. */
export function cachedModelToRemove(cacheFolder: string, reference: HubReference): ListedCachedModel {
  const { id, variant, revision } = reference;
  const all = listCachedModels(cacheFolder).filter(
    (model) => model.reference.id === id && [model.reference.revision, model.commit].includes(revision),
  );
  const ggufs = all.filter(({ choice }) => choice.kind === 'gguf');
  const chosen =
    variant === null
      ? null
      : chooseModel(
          ggufs.flatMap(({ choice }) => choice.files),
          variant,
        ).chosen;
  const [only, ...others] = variant === null ? all : all.filter(({ choice }) => choice.main === chosen?.main);
  if (only !== undefined && others.length === 0) return only;
  const names = all.map(
    (model) => `${hubReferenceText(model.reference)} (${formatBytes(model.choice.sizeBytes)})`,
  );
  throw new PlimsollError({
    code: 'not-in-cache',
    message: `${hubReferenceText(reference)} names ${all.length > 1 && variant === null ? 'several models' : 'no model'} of the cache`,
    value: hubReferenceText(reference),
    limit: names.length === 0 ? cacheFolder : names.join(', '),
    hint: 'plimsoll pull --list lists the cache',
  });
}

/** Removes the model's links, the blobs that no other link needs, and folders that are empty then. */
export function removeCachedModel(
  cacheFolder: string,
  { reference, snapshot, choice, commit }: ListedCachedModel,
): number {
  const { path } = repositoryFolder(cacheFolder, reference.id);
  const blobs = realpathSync(join(path, 'blobs'));
  const kept = new Set(
    modelsOfSnapshot(snapshot)
      .filter(({ main }) => main !== choice.main)
      .flatMap(({ files }) => files.map((file) => file.path)),
  );
  const removed = choice.files.filter((file) => !kept.has(file.path));
  const targets = removed.map((file) => realpathSync(join(snapshot, ...file.path.split('/'))));
  for (const file of removed) removeUp(join(snapshot, ...file.path.split('/')), join(path, 'snapshots'));
  const needed = new Set(
    namesIn(join(path, 'snapshots')).flatMap((name) => {
      const other = join(path, 'snapshots', name);
      return snapshotFiles(other).map((file) => realpathSync(join(other, ...file.path.split('/'))));
    }),
  );
  let freedBytes = 0;
  for (const target of targets) {
    if (needed.has(target) || dirname(target) !== blobs) continue;
    freedBytes += statSync(target, { throwIfNoEntry: false })?.size ?? 0;
    rmSync(target, { force: true });
  }
  for (const { name, commit: named } of referencesIn(join(path, 'refs'))) {
    const isGone = named === commit && !namesIn(join(path, 'snapshots')).includes(commit);
    if (isGone) removeUp(join(path, 'refs', ...name.split('/')), join(path, 'refs'));
  }
  return freedBytes;
}

/** Removes a file, and then its folders up to the root as long as they are empty. */
function removeUp(file: string, root: string): void {
  rmSync(file, { force: true });
  for (let folder = dirname(file); folder !== root && namesIn(folder).length === 0; folder = dirname(folder))
    rmdirSync(folder);
}
