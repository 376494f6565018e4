/**
 * Checks the types of the site in one run of tsc: its TypeScript, and its .astro files converted to TypeScript. The
 * converted files are in a folder that git ignores, under the site, so that modules resolve as they do there.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { PlimsollError } from '@plimsoll/foundation';
import { astroModule, loadAstroParser } from './astro-module.ts';
import { runProgram } from './command.ts';
import type { Check, Project } from './project.ts';

const site = 'apps/atlas';

/** Declarations that Astro implies and no module has. Components of other packages take any properties. */
const environment = `
declare const Fragment: (props: astroHTML.JSX.HTMLAttributes) => unknown;
declare module '*.astro' {
  const component: (props: any) => unknown;
  export default component;
}
`;

export const siteTypes: Check = {
  name: 'types of the site',
  run: async (project) => {
    mkdirSync(join(project.root, site, '.astro'), { recursive: true });
    const folder = mkdtempSync(join(project.root, site, '.astro/types-'));
    try {
      await writeModules(project, folder);
      const { output, ending } = await runProgram(project.root, {
        program: 'node_modules/typescript/bin/tsc',
        arguments: ['-p', folder, '--pretty', 'false'],
      });
      if (ending === 'exit code 0') return [];
      const text = stripVTControlCharacters(output).trimEnd();
      return [...placesOf(text, relative(project.root, folder)), `tsc ended with ${ending}`];
    } catch (error) {
      if (error instanceof PlimsollError) return [error.message];
      throw error;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function writeModules(project: Project, folder: string): Promise<void> {
  const parser = await loadAstroParser(project.root);
  const write = (path: string, text: string): void => {
    const file = join(folder, path.slice(site.length + 1));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  for (const path of project.paths) {
    if (!path.startsWith(`${site}/src/`) || !path.endsWith('.astro')) continue;
    const { component, scripts } = astroModule(parser, path, project.read(path));
    write(`${path}.tsx`, component);
    for (const [index, script] of scripts.entries()) write(`${path}.script-${index + 1}.ts`, script);
  }
  const configuration = {
    extends: '../../tsconfig.json',
    // Files of both folders resolve each other as if they were in the same folder.
    compilerOptions: { rootDirs: ['../../src', 'src'] },
    include: ['../../src', '../../tests', '../../*.ts', 'src', 'environment.d.ts'],
    exclude: ['../../dist'],
  };
  write(`${site}/environment.d.ts`, environment);
  write(`${site}/tsconfig.json`, JSON.stringify(configuration));
}

/** Maps the problems that tsc reports in converted files to the source files. */
function placesOf(output: string, folder: string): readonly string[] {
  const written = new RegExp(
    `${RegExp.escape(`${dirname(dirname(folder))}/.astro/${basename(folder)}`)}/`,
    'g',
  );
  return output
    .split('\n')
    .map((line) =>
      line.replaceAll(written, `${site}/`).replaceAll(/\.astro\.(?:tsx|script-\d+\.ts)\b/g, '.astro'),
    );
}
