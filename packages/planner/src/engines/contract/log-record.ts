/** What all kinds of log records have in common, and how one of them is answered. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';

/** A number the log printed, a map of numbers (llama.cpp buffers by device), or nothing. */
export type ReportedValue = number | null | Readonly<Record<string, number>>;
export type ReportedFields = Readonly<Record<string, ReportedValue>>;

export interface RecordAnswer {
  readonly id: string;
  readonly supported: boolean;
  /** Why not. */
  readonly reason?: string;
  /** What the record left open and how it was taken. */
  readonly assumptions?: readonly string[];
  /** The same keys as `reported`; null where the record's inputs do not determine a value. */
  readonly predicted: ReportedFields;
  readonly reported: ReportedFields;
  /** The same figures from the record's inputs alone, where `predicted` starts from something that the log states. */
  readonly endToEnd?: ReportedFields;
}

/** Finds what a record names. */
export interface Resolver {
  readonly model: (name: string) => ModelSpec;
  readonly hardware: (name: string) => HardwareRecord;
}

/** One kind of record: how it is recognised by its fields, and what the planner says to it. */
export interface RecordReader<Kind extends string = string> {
  readonly kind: Kind;
  /** The field that holds what was printed or measured. */
  readonly reportedField: 'reported' | 'measured';
  recognises(record: RawRecord): boolean;
  /** Throws a refusal where the record cannot be planned. */
  answer(record: RawRecord, resolver: Resolver): RecordAnswer;
}

/** Untyped input: a log record is foreign data and is read field by field. */
export type RawRecord = Readonly<Record<string, unknown>>;

export function numberField(record: RawRecord, key: string): number | undefined {
  const value = record[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function textField(record: RawRecord, key: string): string | undefined {
  const value = record[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function booleanField(record: RawRecord, key: string): boolean | undefined {
  const value = record[key];
  return typeof value === 'boolean' ? value : undefined;
}

export function objectField(record: RawRecord, key: string): RawRecord {
  const value = record[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawRecord) : {};
}
