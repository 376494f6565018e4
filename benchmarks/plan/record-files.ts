/** Records of full runs: benchmarks/results/plan-<date>.json and .md. A second run on a day replaces the first. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlanRecord } from './run-record.ts';

const folder = join(import.meta.dirname, '../results');

/** The newest record on disk, a replaced one included: it is read before it is replaced. */
export function previousRecord(): PlanRecord | null {
  mkdirSync(folder, { recursive: true });
  const newest = readdirSync(folder)
    .filter((file) => /^plan-\d{4}-\d{2}-\d{2}\.json$/.test(file))
    .sort()
    .at(-1);
  return newest === undefined ? null : (JSON.parse(readFileSync(join(folder, newest), 'utf8')) as PlanRecord);
}

export function writeRecord(record: PlanRecord, text: string): void {
  const path = join(folder, `plan-${record.run.date}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(record, null, 2)}\n`);
  writeFileSync(`${path}.md`, text);
}
