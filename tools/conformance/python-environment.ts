/** Python programs of pinned versions, each in an environment of its own under the user's cache folder. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { findPython } from '../real-models/fetch-real-model.ts';
import { userCacheFolder } from '../real-models/real-model.ts';

const installSecondsMax = 600;

/**
 * Returns the folder of the environment's programs. Installs the requirements unless the environment is there. Throws
 * `python-missing` or `package-unavailable` if this machine cannot have them.
 */
export function pythonPrograms(requirementsPath: string, environment: NodeJS.ProcessEnv): string {
  const digest = createHash('sha256').update(readFileSync(requirementsPath)).digest('hex').slice(0, 12);
  const folder = join(userCacheFolder(environment), 'python', digest);
  const finished = join(folder, 'plimsoll-installed');
  if (existsSync(finished)) return join(folder, 'bin');
  const python = findPython(environment);
  rmSync(folder, { recursive: true, force: true });
  const run = (program: string, args: readonly string[]): void => {
    const options = { encoding: 'utf8', env: environment, timeout: installSecondsMax * 1000 } as const;
    const { status, stderr, error } = spawnSync(program, args, options);
    if (status !== 0) throw unavailable(requirementsPath, error?.message ?? (stderr ?? '').trim());
  };
  run(python, ['-m', 'venv', folder]);
  const pip = join(folder, 'bin', 'pip');
  const quiet = ['--quiet', '--no-input', '--disable-pip-version-check'];
  run(pip, ['install', ...quiet, '--report', `${finished}.partial`, '--requirement', requirementsPath]);
  renameSync(`${finished}.partial`, finished);
  return join(folder, 'bin');
}

function unavailable(requirementsPath: string, output: string): PlimsollError {
  return new PlimsollError({
    code: 'package-unavailable',
    message: `pip could not install ${requirementsPath}: ${output.split('\n').at(-1) ?? ''}`,
    value: requirementsPath,
    hint: 'check that Python has venv and that pip reaches its package registry',
  });
}
