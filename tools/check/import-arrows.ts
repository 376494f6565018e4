/**
 * Packages may import each other only along the arrows of ARCHITECTURE.md; the list here holds these arrows as data.
 * The check refuses other imports, relative paths from one package into another, and a package.json that does not name
 * what its sources import. Type imports count: a type of a higher package is a dependency on it.
 */
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { type Manifest, manifestPaths, readManifest } from './manifest.ts';
import type { Check, Project } from './project.ts';
import { sourceFacts } from './source-syntax.ts';

/** Placeholder in the list below for every package and app, and for every app. */
const everything = '*';
const apps = 'apps';

/** Which packages may import each package, by folder name. Apps are not in the list: nothing imports them. */
export const importersOf: Readonly<Record<string, readonly string[]>> = {
  foundation: [everything],
  registry: ['planner', apps],
  'model-files': ['planner', 'text', 'engine', 'dataflow', 'drafts', apps],
  text: ['engine', 'drafts', apps],
  serving: ['simulator', 'engine', 'atlas'],
  planner: ['simulator', 'engine', 'training', apps],
  kernels: ['engine', 'training'],
  simulator: [apps],
  dataflow: ['drafts'],
  training: ['drafts'],
  engine: ['drafts', apps],
  drafts: [apps],
  'site-files': [apps],
};

/** One package or app of the workspace. */
interface Unit {
  readonly folder: string; // `packages/planner`
  readonly shortName: string; // `planner`
  readonly isApp: boolean;
  readonly manifest: Manifest;
}

interface Workspace {
  readonly unitsByName: ReadonlyMap<string, Unit>;
  /** Tools of the whole repository; tests may import them without a line in their own package.json. */
  readonly rootTools: ReadonlySet<string>;
}

interface SourceFile {
  readonly path: string;
  readonly unit: Unit;
}

export const importArrows: Check = {
  name: 'import arrows',
  run: async (project) => {
    const workspace = readWorkspace(project);
    const units = [...workspace.unitsByName.values()];
    const imported = new Map<Unit, Set<string>>(units.map((unit) => [unit, new Set()]));
    const problems: string[] = [];
    for (const { path, imports } of await sourceFacts(project)) {
      const unit = units.find(({ folder }) => path.startsWith(`${folder}/`));
      if (unit === undefined) continue; // tools and benchmarks are outside the arrows and may import any source
      for (const { specifier, line } of imports) {
        const problem = importProblem({ path, unit }, specifier, workspace);
        if (problem !== undefined) problems.push(`${path}:${line} ${problem}`);
        imported.get(unit)?.add(packageNameOf(specifier));
      }
    }
    for (const [unit, names] of imported) problems.push(...manifestProblems(unit, names, workspace));
    return problems;
  },
};

function readWorkspace(project: Project): Workspace {
  const unitsByName = new Map<string, Unit>();
  for (const path of manifestPaths(project)) {
    const match = /^((packages|apps)\/([^/]+))\//.exec(path);
    const manifest = match === null ? undefined : readManifest(project, path);
    if (match === null || manifest === undefined) continue;
    const [, folder = '', kind, shortName = ''] = match;
    unitsByName.set(manifest.name, { folder, shortName, isApp: kind === 'apps', manifest });
  }
  const rootManifest = readManifest(project, 'package.json');
  return { unitsByName, rootTools: new Set(Object.keys(rootManifest?.devDependencies ?? {})) };
}

function importProblem(from: SourceFile, specifier: string, workspace: Workspace): string | undefined {
  const { path, unit } = from;
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier);
    if (target.startsWith(`${unit.folder}/`)) return undefined;
    return `imports ${specifier}, which is outside ${unit.folder}: import another package by its name`;
  }
  const name = packageNameOf(specifier);
  if (specifier.startsWith('node:') || builtinModules.includes(name)) return undefined;
  const target = workspace.unitsByName.get(name);
  if (target === unit) return `imports its own package ${name}: use a relative path`;
  if (target !== undefined && !isAllowed(unit, target)) return `imports ${name}: ${describeAllowed(target)}`;
  const isTest = /\.test(-data)?\.tsx?$/.test(path) || path.startsWith(`${unit.folder}/tests/`);
  const { dependencies, devDependencies } = unit.manifest;
  if (name in dependencies) return undefined;
  if (isTest && (name in devDependencies || workspace.rootTools.has(name))) return undefined;
  return `imports ${name}, which the dependencies of ${unit.folder}/package.json do not name`;
}

/**
 * Reports dependencies on this workspace in package.json that are forbidden or unused; knip checks all other
 * dependencies.
 */
function manifestProblems(
  unit: Unit,
  imported: ReadonlySet<string>,
  workspace: Workspace,
): readonly string[] {
  const { dependencies, devDependencies } = unit.manifest;
  return [...Object.keys(dependencies), ...Object.keys(devDependencies)].flatMap((name) => {
    const target = workspace.unitsByName.get(name);
    if (target === undefined) return [];
    if (!isAllowed(unit, target))
      return `${unit.folder}/package.json names ${name}: ${describeAllowed(target)}`;
    return imported.has(name)
      ? []
      : `${unit.folder}/package.json names ${name}, which no source of it imports`;
  });
}

function isAllowed(from: Unit, to: Unit): boolean {
  if (to.isApp) return false;
  const importers = importersOf[to.shortName] ?? [];
  return [everything, from.shortName, ...(from.isApp ? [apps] : [])].some((name) => importers.includes(name));
}

function describeAllowed(target: Unit): string {
  if (target.isApp) return 'nothing imports an app';
  const importers = importersOf[target.shortName] ?? [];
  if (importers.length === 0) return 'the arrows allow nothing to import it';
  return `the arrows allow only ${importers.join(', ')} to import it`;
}

/**
 * Maps `@plimsoll/registry/node` to `@plimsoll/registry`, `zod/v4` to `zod`, and Astro's virtual `astro:content` to
 * `astro`.
 */
function packageNameOf(specifier: string): string {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return name.startsWith('astro:') ? 'astro' : name;
}
