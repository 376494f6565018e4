/**
 * `npm ci` fails on every machine if package-lock.json lacks a package that another package names, even an optional
 * package for another system, or contradicts a package.json. This happens when the lock was written against an
 * incomplete registry, and appears only in the next fresh clone; this check finds it at once.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { manifestPaths, readManifest } from './manifest.ts';
import type { Check, Project } from './project.ts';

const lockPath = 'package-lock.json';

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Folder -> package in it: `` is the root, `packages/a` a workspace, `node_modules/b` a package. */
type Lock = Readonly<Record<string, LockedPackage>>;

export const lockFile: Check = {
  name: 'lock file',
  run: (project) => {
    const lock = readLock(project);
    return [...missingPackages(lock), ...staleManifests(project, lock)];
  },
};

function readLock(project: Project): Lock {
  const value: unknown = JSON.parse(project.read(lockPath));
  if (typeof value === 'object' && value !== null && 'packages' in value) return value.packages as Lock;
  throw new PlimsollError({
    code: 'bad-lock-file',
    message: `${lockPath} has no list of packages`,
    value: lockPath,
    limit: 'lockfileVersion 2 or 3',
    hint: 'write it with npm 7 or newer',
  });
}

function missingPackages(lock: Lock): readonly string[] {
  return Object.entries(lock).flatMap(([folder, { dependencies, devDependencies, optionalDependencies }]) => {
    // A package's own development dependencies are not installed.
    const isOurs = !folder.includes('node_modules/');
    const wanted = { ...dependencies, ...optionalDependencies, ...(isOurs && devDependencies) };
    const missing = Object.keys(wanted).filter((name) => !isInstalled(lock, folder, name));
    return missing.map(
      (name) =>
        `${lockPath} lacks ${name}, which ${folder || 'package.json'} names: npm ci refuses to install`,
    );
  });
}

/** Follows Node's rule: a node_modules folder between the folder and the root has the package. */
function isInstalled(lock: Lock, folder: string, name: string): boolean {
  const parts = folder.split('/');
  const ancestors = parts.map((_, index) => `${parts.slice(0, index + 1).join('/')}/`);
  return ['', ...ancestors].some((ancestor) => `${ancestor}node_modules/${name}` in lock);
}

function staleManifests(project: Project, lock: Lock): readonly string[] {
  return manifestPaths(project).flatMap((path) => {
    const manifest = readManifest(project, path);
    const locked = lock[path.replace(/\/?package\.json$/, '')] ?? {};
    const same =
      sameTable(manifest?.dependencies, locked.dependencies) &&
      sameTable(manifest?.devDependencies, locked.devDependencies);
    return same ? [] : [`${lockPath} does not say what ${path} says: run npm install`];
  });
}

function sameTable(
  left: Readonly<Record<string, string>> = {},
  right: Readonly<Record<string, string>> = {},
): boolean {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => left[name] === right[name]);
}
