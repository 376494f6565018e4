/**
 * Runs a benchmark by name: `npm run bench -- plan`. Each program next to this file is a benchmark, named after its
 * file; arguments after the name go to it (`-- kernels --threads 1,2`). Without a name, lists the benchmarks.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const folder = import.meta.dirname;

function benchmarkNames(): readonly string[] {
  return readdirSync(folder)
    .filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== basename(import.meta.filename),
    )
    .map((file) => basename(file, '.ts'))
    .sort();
}

/** The text of a program's opening comment up to the first stop or colon. */
function summaryOf(name: string): string {
  const source = readFileSync(join(folder, `${name}.ts`), 'utf8');
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  const text = comment.replaceAll(/\n?\s*\*\s?/g, ' ').trim();
  return /^.*?[.:](?= |$)/.exec(text)?.[0].slice(0, -1) ?? '';
}

function listing(): string {
  const lines = benchmarkNames().map((name) => `  ${name.padEnd(10)} ${summaryOf(name)}`);
  return ['npm run bench -- NAME [options]', '', ...lines, ''].join('\n');
}

const [name, ...options] = process.argv.slice(2);
if (name === undefined || name === '--help') {
  process.stdout.write(listing());
} else if (!benchmarkNames().includes(name)) {
  process.stderr.write(`there is no benchmark "${name}"\n\n${listing()}`);
  process.exitCode = 1;
} else {
  const run = spawnSync(process.execPath, [join(folder, `${name}.ts`), ...options], { stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
}
