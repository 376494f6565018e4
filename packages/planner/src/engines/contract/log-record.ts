/** The common parts of all kinds of log records, and the contract of their readers. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';

/** A number that the log printed, a map of numbers (llama.cpp buffers by device), or null. */
export type ReportedValue = number | null | Readonly<Record<string, number>>;
export type ReportedFields = Readonly<Record<string, ReportedValue>>;

export interface RecordAnswer {
  readonly id: string;
  readonly supported: boolean;
  /** The reason, if `supported` is false. */
  readonly reason?: string;
  /** Assumptions about facts that the record omits. */
  readonly assumptions?: readonly string[];
  /** The same keys as `reported`; null if the record's inputs do not determine a value. */
  readonly predicted: ReportedFields;
  readonly reported: ReportedFields;
  /** The same figures from the record's inputs alone; present if `predicted` also uses figures that the log states. */
  readonly endToEnd?: ReportedFields;
  /** Where a prediction of speed comes from; the interval holds about 80 % of measured points of its kind. */
  readonly basis?: PredictionBasis;
  /** [low, high] of each predicted figure. */
  readonly interval?: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** Reasons why figures are missing in `predicted` or `endToEnd`: the record omits what decides them. */
  readonly undetermined?: readonly string[];
}

/**
 * `measured`: measurements of this model on this device under this engine decided the constants. `fitted`: measurements of
 * other models or devices did. `datasheet`: data sheets and estimates alone.
 */
export type PredictionBasis = 'measured' | 'fitted' | 'datasheet';

/** Finds the model and the hardware that a record names. Throws a PlimsollError for unknown names. */
export interface Resolver {
  readonly model: (name: string) => ModelSpec;
  readonly hardware: (name: string) => HardwareRecord;
}

/** Recognises one kind of record by its fields and answers it with the planner. */
export interface RecordReader<Kind extends string = string> {
  readonly kind: Kind;
  /** The field that holds the printed or measured figures. */
  readonly reportedField: 'reported' | 'measured';
  /**
   * The logged figure from which `predicted` computes tokens and blocks: records without it are compared end to end only.
   */
  readonly tokensFrom?: string;
  recognises(record: RawRecord): boolean;
  /** Throws a PlimsollError if the record cannot be planned. */
  answer(record: RawRecord, resolver: Resolver): RecordAnswer;
}

/** Untyped input: a log record is foreign data and is read field by field. */
export type RawRecord = Readonly<Record<string, unknown>>;

export function numberField(record: RawRecord, key: string): number | undefined {
  const value = record[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Returns a count of one or more; undefined if the record has none. */
export function countField(record: RawRecord, key: string): number | undefined {
  const value = numberField(record, key);
  return Number.isSafeInteger(value) && Number(value) >= 1 ? value : undefined;
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
