/**
 * Limits on the size of files and functions: a reader cannot take in code that exceeds a few screens. size-ratchet.json
 * lists the files over the lower limit with their exact length; an entry can only shrink and then disappear. Generated
 * tables are named `*.data.ts` and exempt.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { Check, Project } from './project.ts';
import { sourceFacts } from './source-syntax.ts';

const fileLinesLimit = 400;
/** The limit for files in the ratchet. */
const fileLinesHardLimit = 600;
const functionLinesLimit = 70;
/** Beyond four, callers cannot tell the arguments apart: an options object names them. */
const parametersLimit = 4;

const ratchetPath = 'tools/check/size-ratchet.json';
const sourceNames = /\.(?:tsx?|mts|m?js|cjs|astro|css|py|sh)$/;
const exemptNames = /\.data\.ts$|(?:^|\/)fixtures\//;
/** A WebAssembly function takes only numbers, so its source cannot collect them in an object. */
const webAssemblySources = /^packages\/[^/]+\/assembly\//;

/** Path of a file over the limit -> its lines. */
type Ratchet = Readonly<Record<string, number>>;

export const fileSizes: Check = {
  name: 'file sizes',
  run: (project) => {
    const ratchet = readRatchet(project);
    const problems = project.paths.flatMap((path) => {
      if (!sourceNames.test(path) || exemptNames.test(path)) return [];
      return fileSizeProblem(path, countLines(project.read(path)), ratchet[path]) ?? [];
    });
    const gone = Object.keys(ratchet).filter((path) => !project.paths.includes(path));
    return [
      ...problems,
      ...gone.map((path) => `${ratchetPath} names ${path}, which is gone: remove its entry`),
      ...ratchetGrowth(project.readBefore(ratchetPath), ratchet),
    ];
  },
};

export const functionSizes: Check = {
  name: 'function sizes',
  run: async (project) => {
    const problems: string[] = [];
    for (const { path, functions } of await sourceFacts(project)) {
      if (exemptNames.test(path)) continue;
      for (const { name, line, lineCount, parameterCount, isTestSuite } of functions) {
        const place = `${path}:${line} ${name}`;
        if (lineCount > functionLinesLimit && !isTestSuite) {
          problems.push(`${place} has ${lineCount} lines, the limit is ${functionLinesLimit}: split it`);
        }
        if (parameterCount > parametersLimit && !webAssemblySources.test(path)) {
          problems.push(
            `${place} has ${parameterCount} positional parameters, the limit is ${parametersLimit}: pass an options object`,
          );
        }
      }
    }
    return problems;
  },
};

function fileSizeProblem(path: string, lines: number, allowed: number | undefined): string | undefined {
  if (lines > fileLinesHardLimit)
    return `${path} has ${lines} lines, the hard limit is ${fileLinesHardLimit}: split it`;
  if (allowed === undefined) {
    return lines > fileLinesLimit
      ? `${path} has ${lines} lines, the limit is ${fileLinesLimit}: split it`
      : undefined;
  }
  if (lines > allowed)
    return `${path} has ${lines} lines, ${ratchetPath} allows ${allowed}: it may only shrink`;
  if (lines <= fileLinesLimit) return `${path} is within the limit now: remove its entry from ${ratchetPath}`;
  return lines < allowed
    ? `${path} has shrunk to ${lines} lines: lower its entry in ${ratchetPath}`
    : undefined;
}

/** Returns the entries that are new or larger than in the previous commit; none if that commit has no ratchet. */
function ratchetGrowth(textBefore: string | undefined, ratchet: Ratchet): readonly string[] {
  if (textBefore === undefined) return [];
  const before = parseRatchet(textBefore);
  return Object.entries(ratchet).flatMap(([path, lines]) =>
    lines > (before[path] ?? 0)
      ? `${ratchetPath}: the entry for ${path} is new or has grown, it may only shrink`
      : [],
  );
}

function countLines(text: string): number {
  const breaks = text.split('\n').length - 1;
  return text.endsWith('\n') ? breaks : breaks + 1;
}

function readRatchet(project: Project): Ratchet {
  return project.paths.includes(ratchetPath) ? parseRatchet(project.read(ratchetPath)) : {};
}

function parseRatchet(text: string): Ratchet {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && Object.values(value).every(Number.isInteger)) {
    return value as Ratchet;
  }
  throw new PlimsollError({
    code: 'bad-size-ratchet',
    message: `${ratchetPath} is not a table of line counts`,
    value: text.slice(0, 80),
    limit: '{ "path": lines }',
    hint: 'write {} when no file is over the limit',
  });
}
