/**
 * Compiles packages/kernels/assembly into packages/kernels/dist, one module per build. The folder also holds a digest
 * of the sources, of this file and of the compiler's version; while it matches, nothing is compiled: `npm ci` builds
 * once.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const packageFolder = fileURLToPath(new URL('../packages/kernels/', import.meta.url));
const sourceFolder = join(packageFolder, 'assembly');
const outputFolder = join(packageFolder, 'dist');

/** File name and the value of DOT_VARIANT, which assembly/dot.ts explains. */
const builds = [
  { name: 'simd', dotVariant: 0, features: ['simd', 'threads'] },
  { name: 'relaxed', dotVariant: 1, features: ['simd', 'threads', 'relaxed-simd'] },
  { name: 'relaxed-dot32', dotVariant: 2, features: ['simd', 'threads', 'relaxed-simd'] },
] as const;

/** Shared memory of up to 4 GiB is imported; no runtime, no data segments; 201 and 112 warn about 64-bit and v128. */
const commonOptions = [
  ...[
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
    '--noColors',
    '--disableWarning',
    '201',
    '--disableWarning',
    '112',
  ],
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
];

async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256').update(asc.version);
  hash.update(await readFile(fileURLToPath(import.meta.url)));
  for (const name of (await readdir(sourceFolder)).sort())
    hash.update(await readFile(join(sourceFolder, name)));
  return hash.digest('hex');
}

async function compile({ name, dotVariant, features }: (typeof builds)[number]): Promise<void> {
  const target = join(outputFolder, `kernels-${name}.wasm`);
  // Another process may be loading the old file, so write a temporary file and rename it.
  const partial = `${target}.${process.pid}.partial`;
  const enabled = features.flatMap((feature) => ['--enable', feature]);
  const { error, stderr } = await asc.main(
    [
      'index.ts',
      '-o',
      'kernels.wasm',
      '--baseDir',
      sourceFolder,
      '--use',
      `DOT_VARIANT=${dotVariant}`,
      ...enabled,
      ...commonOptions,
    ],
    {
      readFile: (file, baseDir) => readFile(join(baseDir, file), 'utf8').catch(() => null),
      writeFile: (_file, contents) => writeFile(partial, contents),
      listFiles: () => [],
    },
  );
  if (error !== null)
    throw new Error(`compiling the ${name} kernels failed\n${stderr.toString()}`, { cause: error });
  await rename(partial, target);
}

/** Compiles outdated builds; returns true if there were any. */
async function buildKernels(): Promise<boolean> {
  const digestFile = join(outputFolder, 'source-digest.txt');
  const digest = await sourceDigest();
  if ((await readFile(digestFile, 'utf8').catch(() => '')) === digest) return false;
  await mkdir(outputFolder, { recursive: true });
  for (const build of builds) await compile(build);
  await writeFile(digestFile, digest);
  return true;
}

const started = performance.now();
const isBuilt = await buildKernels();
const seconds = ((performance.now() - started) / 1000).toFixed(1);
process.stdout.write(isBuilt ? `kernels compiled in ${seconds} s\n` : 'kernels are up to date\n');
