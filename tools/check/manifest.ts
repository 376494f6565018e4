/** The parts of a package.json that checks read. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Project } from './project.ts';

export interface Manifest {
  readonly name: string;
  /** Package name -> version range. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  /** Entry -> file, `.` for the package's own name. */
  readonly exports: Readonly<Record<string, string>>;
}

/** Lists the package.json of the root and of every package and app. */
export function manifestPaths(project: Project): readonly string[] {
  return project.paths.filter((path) => /^(?:(?:packages|apps)\/[^/]+\/)?package\.json$/.test(path));
}

/** Parses the package.json at `path`; returns undefined if the project has no such file. */
export function readManifest(project: Project, path: string): Manifest | undefined {
  if (!project.paths.includes(path)) return undefined;
  const value: unknown = JSON.parse(project.read(path));
  const table = (key: string): Record<string, string> => {
    const found = isTable(value) ? (value[key] ?? {}) : undefined;
    if (isTable(found) && Object.values(found).every((entry) => typeof entry === 'string')) {
      return found as Record<string, string>;
    }
    throw new PlimsollError({
      code: 'bad-manifest',
      message: `${path}: ${key} is not a table of texts`,
      value: JSON.stringify(found),
      limit: '{ "name": "text" }',
      hint: `write ${key} as npm documents it`,
    });
  };
  const name = isTable(value) && typeof value.name === 'string' ? value.name : '';
  return {
    name,
    dependencies: table('dependencies'),
    devDependencies: table('devDependencies'),
    scripts: table('scripts'),
    exports: table('exports'),
  };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
