/**
 * Refuses words and names in the repository: paths of one machine, marks of unfinished work, unresolved merges, and
 * file names that say nothing. The patterns are spelled so that they do not match this file.
 */
import { posix } from 'node:path';
import type { Check, Project } from './project.ts';

interface ForbiddenPattern {
  readonly pattern: RegExp;
  readonly problem: string;
  /**
   * True if the pattern also applies to third-party records, which may contain any words but a path of this machine.
   */
  readonly alsoInRecords: boolean;
}

const forbiddenPatterns: readonly ForbiddenPattern[] = [
  {
    // A folder that only exists on the author's machine; `example.com/work/` and `./home/` are not such paths.
    pattern: /(?<![\w.~)}\]/-])[/](?:work|home|root|Users|farm|tmp[/]\w+_jobs)[/]/,
    problem: 'is a path of one machine: make it relative to the repository',
    alsoInRecords: true,
  },
  {
    pattern: /\b(?:TO[D]O|FIXM[E]|XX[X])\b/,
    problem:
      'marks unfinished work: finish it, or write what is missing as a plain sentence in the documentation',
    alsoInRecords: false,
  },
  { pattern: /^(?:<{7}|>{7}) /, problem: 'is left over from a merge', alsoInRecords: true },
];

/** Records of the outside world and generated files, whose words are not ours. */
const recordPaths =
  /^(?:fixtures|packages\/registry\/data|benchmarks\/results)\/|(?:^|\/)package-lock\.json$/;
const binaryNames = /\.(?:gguf|safetensors|wasm|bin|png|jpg|webp|gif|ico|woff2?|gz|zst|zip)$/;

export const forbiddenWords: Check = {
  name: 'forbidden words',
  run: (project) =>
    project.paths.flatMap((path) => (binaryNames.test(path) ? [] : forbiddenIn(project, path))),
};

function forbiddenIn(project: Project, path: string): readonly string[] {
  const isRecord = recordPaths.test(path);
  const patterns = forbiddenPatterns.filter(({ alsoInRecords }) => alsoInRecords || !isRecord);
  const lines = project.read(path).split('\n');
  return lines.flatMap((line, index) =>
    patterns.flatMap(({ pattern, problem }) => {
      const match = pattern.exec(line);
      return match === null ? [] : `${path}:${index + 1} "${match[0].trim()}" ${problem}`;
    }),
  );
}

/** A name that fits every file says nothing about its content. */
const emptyNames = /^(?:utils?|helpers?|common|misc|phase-\d+)$/;
/** `[slug].astro` and `[...name].astro`: the part of a route that Astro fills in. */
const routeParameter = /^\[(?:\.{3})?(.+)\](?=\.)/;
const kebabCase = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

export const fileNames: Check = {
  name: 'file names',
  run: (project) =>
    project.paths.flatMap((path) => (recordPaths.test(path) ? [] : (fileNameProblem(path) ?? []))),
};

function fileNameProblem(path: string): string | undefined {
  const folders = posix.dirname(path).split('/');
  const [stem = ''] = posix.basename(path).replace(routeParameter, '$1').split('.');
  const empty = [...folders, stem].find((name) => emptyNames.test(name));
  if (empty !== undefined) return `${path}: "${empty}" says nothing: name it by the noun inside`;
  const isSource = /\.(?:tsx?|m?js|py|astro|css)$/.test(path);
  if (isSource && !kebabCase.test(stem)) return `${path}: "${stem}" is not in kebab case`;
  return undefined;
}
