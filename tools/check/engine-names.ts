/**
 * No code outside an engine's folder may branch on the engine's name: each such branch has to be extended for every new
 * engine. The differences belong in the profile of the engine. This check refuses the names and aliases of engines as
 * strings in sources; a list gives the places that name an engine for another reason.
 */
import { engineFaces } from '@plimsoll/planner/engines';
import type { Check } from './project.ts';
import { sourceFacts } from './source-syntax.ts';

/** `none` is the name of the profile without an engine, and an ordinary word. */
const noEngine = 'none';

const names: ReadonlySet<string> = new Set([
  ...engineFaces.flatMap(({ name, aliases }) => [name, ...aliases]).filter((name) => name !== noEngine),
]);

const enginesFolder = 'packages/planner/src/engines/';
const testNames = /\.test(?:-data)?\.tsx?$|(?:^|\/)(?:tests|testing|fixtures)\//;
const checkedPaths = /^(?:packages|apps|tools)\/.*\.tsx?$/;

/** Path, or the start of paths -> why engines may be named there. */
export const allowedPlaces: Readonly<Record<string, string>> = {
  'packages/planner/src/engines/engines.ts': 'the list of profiles',
  'packages/planner/src/speed/': 'groups of engines in the table of fitted speeds, under names of their own',
  'packages/planner/src/validation/performance-record.ts': 'groups of engines in the table of speeds',
  'packages/planner/src/validation/performance-setup.ts': 'groups of engines in the table of speeds',
  'apps/plimsoll/src/main.ts': 'the name of this program',
  'apps/atlas/src/islands/planner/state/command.ts': 'the name of this program',
  'tools/real-models/real-model.ts': 'the name of this program',
  'apps/atlas/src/content/': 'pages ask about engines by name',
  'tools/accuracy': 'one section and one log file for each kind of record',
};

export const engineNames: Check = {
  name: 'engine names',
  run: async (project) => {
    const used = new Set<string>();
    const problems: string[] = [];
    for (const { path, texts } of await sourceFacts(project)) {
      if (!checkedPaths.test(path) || testNames.test(path) || isEngineFolder(path)) continue;
      for (const { text, line } of texts) {
        if (!names.has(text)) continue;
        const place = Object.keys(allowedPlaces).find((start) => path.startsWith(start));
        if (place === undefined) problems.push(`${path}:${line} names the engine ${text}: ${advice}`);
        else used.add(place);
      }
    }
    return [...problems, ...idlePlaces(project.paths, used)];
  },
};

const advice = 'ask its profile instead, or say why it must be named in tools/check/engine-names.ts';

/** Each engine has one folder; the files next to these folders belong to all engines. */
function isEngineFolder(path: string): boolean {
  return path.startsWith(enginesFolder) && path.slice(enginesFolder.length).includes('/');
}

/** List entries that name no engine any more. A project without such a path is a test. */
function idlePlaces(paths: readonly string[], used: ReadonlySet<string>): readonly string[] {
  return Object.keys(allowedPlaces)
    .filter((place) => !used.has(place) && paths.some((path) => path.startsWith(place)))
    .map((place) => `${place} names no engine: take it off the list in tools/check/engine-names.ts`);
}
