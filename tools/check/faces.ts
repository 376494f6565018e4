/**
 * Checks the face of each package: the entries that its package.json exports. An entry has few names, and another
 * package, an app, a tool, a benchmark or an example in the documentation imports each of them: a name without an
 * importer is a promise without a purpose. face-ratchet.json lists the entries that exceed this, with numbers that may
 * only shrink.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { manifestPaths, readManifest } from './manifest.ts';
import { everyName } from './module-syntax.ts';
import type { Check, Project } from './project.ts';
import { type SourceFacts, sourceFacts } from './source-syntax.ts';

const namesLimit = 20;
const ratchetPath = 'tools/check/face-ratchet.json';

/** Limits of one entry: its names, and its names without an importer. */
interface Allowance {
  readonly names: number;
  readonly idle: number;
}

export const faces: Check = {
  name: 'faces',
  run: async (project) => {
    const facts = await sourceFacts(project);
    const imported = importedNames(project, facts);
    const allowed = readRatchet(project);
    const entries = facesOf(project, facts);
    const problems = entries.flatMap((face) => faceProblems(face, imported.get(face.specifier), allowed));
    const known = new Set(entries.map(({ specifier }) => specifier));
    const gone = Object.keys(allowed).filter((specifier) => !known.has(specifier));
    return [
      ...problems,
      ...gone.map((name) => `${ratchetPath} names ${name}, which is gone: remove its entry`),
    ];
  },
};

interface Face {
  /** Import specifier, such as `@plimsoll/planner/ledger`. */
  readonly specifier: string;
  readonly names: readonly string[];
}

function facesOf(project: Project, facts: readonly SourceFacts[]): readonly Face[] {
  const exportsOf = new Map(facts.map(({ path, exports }) => [path, exports]));
  return manifestPaths(project).flatMap((path) => {
    const manifest = readManifest(project, path);
    if (manifest === undefined || !path.startsWith('packages/')) return [];
    const folder = path.slice(0, -'package.json'.length);
    return Object.entries(manifest.exports).flatMap(([entry, file]) => {
      const names = exportsOf.get(folder + file.replace(/^\.\//, ''));
      return names === undefined ? [] : [{ specifier: manifest.name + entry.slice(1), names }];
    });
  });
}

/** Returns specifier -> names that some file imports from it. No file imports its own package by name. */
function importedNames(
  project: Project,
  facts: readonly SourceFacts[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const add = (specifier: string, names: readonly string[]): void => {
    const known = found.get(specifier) ?? new Set();
    for (const name of names) known.add(name);
    found.set(specifier, known);
  };
  for (const { imports } of facts) for (const { specifier, names } of imports) add(specifier, names);
  // Documents and pages are no sources, so the imports of their examples are read as text.
  for (const path of project.paths.filter((name) => /\.(?:md|mdx|astro)$/.test(name))) {
    for (const [, names = '', specifier = ''] of project.read(path).matchAll(importText)) {
      add(specifier, names.split(',').map(nameOf));
    }
  }
  return found;
}

const importText = /import\s+(?:type\s+)?\{([^}]{0,2000})\}\s+from\s+['"]([^'"\n]{1,200})['"]/g;

/** Returns `a` of `type a as b`. */
function nameOf(text: string): string {
  return (
    text
      .trim()
      .replace(/^type\s+/, '')
      .split(/\s/)[0] ?? ''
  );
}

function faceProblems(
  { specifier, names }: Face,
  imported: ReadonlySet<string> | undefined,
  allowed: Readonly<Record<string, Allowance>>,
): readonly string[] {
  if (names.includes(everyName) && !(specifier in allowed))
    return [`${specifier} exports all of another file: name what it exports`];
  const idle =
    imported?.has(everyName) === true
      ? []
      : names.filter((name) => name !== everyName && imported?.has(name) !== true);
  const most = allowed[specifier] ?? { names: namesLimit, idle: 0 };
  const problems: string[] = [];
  if (names.length > most.names)
    problems.push(
      `${specifier} has ${names.length} names, the limit is ${most.names}: put some behind a subpath`,
    );
  if (idle.length > most.idle) problems.push(`${specifier} exports what nobody imports: ${idle.join(', ')}`);
  const isExact = names.length === Math.max(most.names, namesLimit) || most.names <= namesLimit;
  if (specifier in allowed && (idle.length < most.idle || !isExact) && problems.length === 0)
    problems.push(
      `${specifier} has shrunk to ${names.length} names, ${idle.length} idle: lower its entry in ${ratchetPath}`,
    );
  return problems;
}

function readRatchet(project: Project): Readonly<Record<string, Allowance>> {
  if (!project.paths.includes(ratchetPath)) return {};
  const value: unknown = JSON.parse(project.read(ratchetPath));
  if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, Allowance>>;
  throw new PlimsollError({
    code: 'bad-face-ratchet',
    message: `${ratchetPath} is not a table`,
    value: String(value),
    limit: '{ "@plimsoll/name": { "names": 21, "idle": 0 } }',
    hint: 'write {} when no face exceeds the limit',
  });
}
