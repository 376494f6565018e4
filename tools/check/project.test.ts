import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pathsFromDisk, projectFromFiles, readProject } from './project.ts';

const hasGit = spawnSync('git', ['--version']).status === 0;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-project-'));
});

afterEach(() => rmSync(root, { recursive: true }));

function git(...args: readonly string[]): void {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
  execFileSync('git', [...identity, ...args], { cwd: root, stdio: 'ignore' });
}

function write(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

function writeSample(): void {
  write('.gitignore', 'dist/\n*.log\n!kept.log\n');
  write('src/dist', 'a file, and the rule is for folders');
  write('src/a.ts', 'one');
  write('packages/a/dist/built.js', 'two');
  write('kept.log', 'three');
  write('lost.log', 'four');
}

test('without git, a project is the files that its .gitignore leaves', () => {
  writeSample();
  expect(readProject(root).paths).toEqual(['.gitignore', 'kept.log', 'src/a.ts', 'src/dist']);
  write('.git/config', 'no repository');
  expect(readProject(root).paths).toEqual(['.gitignore', 'kept.log', 'src/a.ts', 'src/dist']);
});

// The following tests create a repository, which needs git.
test.skipIf(!hasGit)('git lists the same files', () => {
  writeSample();
  git('init');
  expect(readProject(root).paths).toEqual([...pathsFromDisk(root)].sort());
});

test.skipIf(!hasGit)('a project is its tracked and its new files, without ignored and deleted ones', () => {
  git('init');
  write('.gitignore', 'dist/\n');
  write('src/tracked.ts', 'one');
  write('src/deleted.ts', 'two');
  git('add', '.');
  rmSync(join(root, 'src/deleted.ts'));
  write('src/new file.ts', 'three');
  write('dist/built.js', 'four');
  const project = readProject(root);
  expect(project.paths).toEqual(['.gitignore', 'src/new file.ts', 'src/tracked.ts']);
  expect(project.read('src/new file.ts')).toBe('three');
});

test.skipIf(!hasGit)('the text of the previous commit is available if there is one', () => {
  git('init');
  write('a.txt', 'first');
  git('add', '.');
  git('commit', '-m', 'first');
  expect(readProject(root).readBefore('a.txt')).toBeUndefined();
  write('a.txt', 'second');
  git('commit', '-a', '-m', 'second');
  expect(readProject(root).readBefore('a.txt')).toBe('first');
  expect(readProject(root).readBefore('b.txt')).toBeUndefined();
});

test('a project in memory answers only for its files', () => {
  const project = projectFromFiles({ 'a.ts': 'text' });
  expect(project.read('a.ts')).toBe('text');
  expect(() => project.read('b.ts')).toThrow('the project has no file b.ts');
});
