/** Records of full runs: benchmarks/results/<name>-<date>.json and .md. A second run on a day replaces the first. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunDescription } from './run-description.ts';

const folder = join(import.meta.dirname, '../results');

/** Reads the newest record of a benchmark on disk, before a new record of the same day replaces it. */
export function previousRecord<Written extends { readonly run: RunDescription }>(
  name: string,
): Written | null {
  mkdirSync(folder, { recursive: true });
  const dated = new RegExp(`^${name}-\\d{4}-\\d{2}-\\d{2}\\.json$`);
  const newest = readdirSync(folder)
    .filter((file) => dated.test(file))
    .sort()
    .at(-1);
  return newest === undefined ? null : (JSON.parse(readFileSync(join(folder, newest), 'utf8')) as Written);
}

export function writeRecord(name: string, record: { readonly run: RunDescription }, text: string): void {
  const path = join(folder, `${name}-${record.run.date}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(record, null, 2)}\n`);
  writeFileSync(`${path}.md`, text);
}
