/**
 * Limits the commands: the root package.json has a short list of commands that people type. Everything else is an
 * argument to a program under tools/; packages have no scripts.
 */
import { manifestPaths, readManifest } from './manifest.ts';
import type { Check } from './project.ts';

const rootScriptsLimit = 8;

export const packageScripts: Check = {
  name: 'package scripts',
  run: (project) => {
    return manifestPaths(project).flatMap((path) => {
      const scripts = Object.keys(readManifest(project, path)?.scripts ?? {});
      const limit = path === 'package.json' ? rootScriptsLimit : 0;
      if (scripts.length <= limit) return [];
      return `${path} has ${scripts.length} scripts, the limit is ${limit}: make it an argument of a tool`;
    });
  },
};
