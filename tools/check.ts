/**
 * Checks all rules of this repository: `npm run check`. Arguments name the checks to run:
 *   node tools/check.ts types "import arrows"
 */
import { join } from 'node:path';
import { atlasContent } from './check/atlas-content.ts';
import { type Command, commandCheck } from './check/command.ts';
import { engineNames } from './check/engine-names.ts';
import { faces } from './check/faces.ts';
import { fileNames, forbiddenWords } from './check/forbidden-text.ts';
import { generatedFiles } from './check/generated-files.ts';
import { importArrows } from './check/import-arrows.ts';
import { importCycles } from './check/import-cycles.ts';
import { lockFile } from './check/lock-file.ts';
import { markdownLinks } from './check/markdown-links.ts';
import { packageScripts } from './check/package-scripts.ts';
import { type Check, readProject } from './check/project.ts';
import { formatResult, runChecks } from './check/run-checks.ts';
import { siteTypes } from './check/site-types.ts';
import { fileSizes, functionSizes } from './check/sizes.ts';
import { spelling } from './check/spelling.ts';

const commands: readonly Command[] = [
  { name: 'types', program: 'node_modules/typescript/bin/tsc', arguments: [] },
  { name: 'unused code', program: 'node_modules/knip/bin/knip.js', arguments: ['--no-progress'] },
  {
    name: 'format and lint',
    program: 'node_modules/@biomejs/biome/bin/biome',
    arguments: ['ci', '--colors=off', '.'],
    repair: 'npx biome check --write',
  },
];

const checks: readonly Check[] = [
  ...commands.map(commandCheck),
  siteTypes,
  importArrows,
  importCycles,
  engineNames,
  faces,
  fileSizes,
  functionSizes,
  fileNames,
  forbiddenWords,
  markdownLinks,
  packageScripts,
  lockFile,
  atlasContent,
  spelling,
  generatedFiles,
];

const root = join(import.meta.dirname, '..');
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  const known = checks.map(({ name }) => `"${name}"`).join(', ');
  process.stderr.write(`no check is named ${unknown.join(', ')}; there are ${known}\n`);
  process.exit(1);
}
const chosen = checks.filter(({ name }) => asked.length === 0 || asked.includes(name));
const results = await runChecks(chosen, readProject(root), (result) => {
  process.stdout.write(formatResult(result));
});
const failed = results.filter(({ problems }) => problems.length > 0);
process.stdout.write(
  failed.length === 0
    ? `all ${results.length} checks passed\n`
    : `${failed.length} of ${results.length} checks failed: ${failed.map(({ name }) => name).join(', ')}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
