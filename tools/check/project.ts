/**
 * What the checks look at and what they answer. A check is a function from the project's files to a list of problems,
 * each one line of text that names its place; an empty list is a pass. Checks read files only through this contract,
 * so a test hands them a few files in memory and sees them fail.
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
  /** The text of one of `paths`. */
  read(path: string): string;
  /** The text of a file one commit ago; undefined if the file or the history does not exist, as in a shallow clone. */
  readBefore(path: string): string | undefined;
}

export type Remark = (text: string) => void;

export interface Check {
  /** Printed in front of the result; one or two words. */
  readonly name: string;
  /** The problems found, one line each, beginning with the place. `remark` takes notes that fail nothing. */
  run(project: Project, remark?: Remark): readonly string[] | Promise<readonly string[]>;
}

/** Room for the list of files: git prints one path of at most 4 KiB for each of some ten thousand files. */
const gitOutputBytesMax = 64 * 1024 ** 2;

/**
 * Files that are tracked, or new and not ignored: a file is checked before it is committed for the first time. A folder
 * that is no checkout, or a machine without git, is read from the disk by the rules of the root's .gitignore.
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

/** Null if git is missing or refuses, as in a folder that another user owns. */
function pathsFromGit(root: string): readonly string[] | null {
  // A folder inside another checkout would be listed by the rules of that checkout.
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
  // A CommonJS module whose types know its `default` alone.
  const rules = ignore.default().add('.git');
  if (existsSync(join(root, '.gitignore'))) rules.add(readFileSync(join(root, '.gitignore'), 'utf8'));
  const paths: string[] = [];
  const folders = [''];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}${entry.name}`;
      // A rule that ends with a slash holds for folders alone.
      if (rules.ignores(entry.isDirectory() ? `${path}/` : path)) continue;
      if (entry.isDirectory()) folders.push(`${path}/`);
      else paths.push(path);
    }
  }
  return paths;
}

type Files = Readonly<Record<string, string>>;

/** A project that exists only in memory, with what it was one commit ago. */
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
