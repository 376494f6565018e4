/**
 * Reads log records for the report: foreign JSON, one field at a time. `@plimsoll/planner/validation` interprets the
 * records; this file reads only the fields that the baselines and the tables use.
 */
import { readFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';

export type RawRecord = Readonly<Record<string, unknown>>;

export function readLogFile(path: string): readonly RawRecord[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw badFile(path, error instanceof Error ? error.message : 'unreadable', error);
  }
  if (!Array.isArray(value)) throw badFile(path, 'it is not a list', null);
  return value.filter((item): item is RawRecord => typeof item === 'object' && item !== null);
}

function badFile(path: string, reason: string, cause: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'bad-log-file',
      message: `cannot read log records from "${path}": ${reason}`,
      value: path,
      limit: 'a JSON list of records',
    },
    { cause },
  );
}

export function textOf(record: RawRecord, key: string): string | null {
  const value = record[key];
  return typeof value === 'string' && value !== '' ? value : null;
}

export function numberOf(record: RawRecord, key: string): number | null {
  const value = record[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function objectOf(record: RawRecord, key: string): RawRecord {
  const value = record[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawRecord) : {};
}

export function idOf(record: RawRecord): string {
  return textOf(record, 'id') ?? '';
}
