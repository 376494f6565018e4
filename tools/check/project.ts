/**
 * The contract of checks. A check is a function from the project's files to a list of problems, each one line of text
 * that names its place; an empty list is a pass. Checks read files only through this contract, so a test can pass them
 * a few files in memory and make them fail.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import ignore from 'ignore';

export interface Project {
  /** Absolute path of the repository; in a test, of a folder that need not exist. */
  readonly root: string;
  /** Files of the project relative to the root, with forward slashes, sorted. */
  readonly paths: readonly string[];
  /** Returns the text of one of `paths`. */
  read(path: string): string;
  /**
   * Returns the text of a file in the previous commit; undefined if file or history is missing, as in a shallow clone.
   */
  readBefore(path: string): string | undefined;
}

export type Remark = (text: string) => void;

export interface Check {
  /** Name in front of the result; one or two words. */
  readonly name: string;
  /** Returns the problems, one line each, starting with the place. `remark` takes notes that do not fail the check. */
  run(project: Project, remark?: Remark): readonly string[] | Promise<readonly string[]>;
}

/** Room for the list of files: git prints one path of at most 4 KiB for each of some ten thousand files. */
const gitOutputBytesMax = 64 * 1024 ** 2;

/**
 * Reads the files that are tracked, or new and not ignored, so that a file is checked before its first commit. In a
 * folder that is no checkout, or without git, reads the files on disk by the rules of the root's .gitignore.
 */
export function readProject(root: string): Project {
  const paths = pathsFromGit(root) ?? pathsFromDisk(root);
  const texts = new Map<string, string>();
  return {
    root,
    paths: [...paths].sort(),
    read: (path) => {
      const text = texts.get(path) ?? readFileSync(join(root, path), 'utf8');
      texts.set(path, text);
      return text;
    },
    readBefore: (path) => {
      const shown = spawnSync('git', ['show', `HEAD~1:${path}`], { cwd: root, encoding: 'utf8' });
      return shown.status === 0 ? shown.stdout : undefined;
    },
  };
}

/** Lists paths with git; returns null if git is missing or refuses, as in a folder that another user owns. */
function pathsFromGit(root: string): readonly string[] | null {
  // In a folder inside another checkout, git would apply the rules of that checkout.
  if (!existsSync(join(root, '.git'))) return null;
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: gitOutputBytesMax,
  });
  if (listed.status !== 0) return null;
  // A tracked file that was deleted but not yet committed is still listed.
  return [...new Set(listed.stdout.split('\0'))].filter(
    (path) => path !== '' && existsSync(join(root, path)),
  );
}

export function pathsFromDisk(root: string): readonly string[] {
  // This is a CommonJS module whose types declare only `default`.
  const rules = ignore.default().add('.git');
  if (existsSync(join(root, '.gitignore'))) rules.add(readFileSync(join(root, '.gitignore'), 'utf8'));
  const paths: string[] = [];
  const folders = [''];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}${entry.name}`;
      // A rule that ends with a slash applies only to folders.
      if (rules.ignores(entry.isDirectory() ? `${path}/` : path)) continue;
      if (entry.isDirectory()) folders.push(`${path}/`);
      else paths.push(path);
    }
  }
  return paths;
}

type Files = Readonly<Record<string, string>>;

/** Creates a project that exists only in memory, with its files in the previous commit. */
export function projectFromFiles(files: Files, filesBefore: Files = {}): Project {
  return {
    root: '/project',
    paths: Object.keys(files).sort(),
    read: (path) => {
      const text = files[path];
      if (text !== undefined) return text;
      throw new PlimsollError({
        code: 'no-such-file',
        message: `the project has no file ${path}`,
        value: path,
        limit: Object.keys(files).join(', '),
        hint: 'ask only for paths that the project lists',
      });
    },
    readBefore: (path) => filesBefore[path],
  };
}
