/**
 * Few commands: the root package.json lists the commands that a person types, and the list is short. Everything else is
 * an argument to a program under tools/; packages have no scripts of their own.
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
