/**
 * Runs the planner on log records of every kind and reports its errors. The fields of a record tell its kind; each kind
 * has its own reader (record-readers.ts).
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  objectField,
  type RawRecord,
  type RecordAnswer,
  type ReportedFields,
  type Resolver,
  textField,
} from '../engines/contract/log-record.ts';
import { causeOf } from './causes.ts';
import type { LoopSimulator } from './performance-record.ts';
import { type RecordKind, recordKinds, recordReaders } from './record-readers.ts';
import {
  type FieldStatistics,
  type FigureError,
  fieldStatistics,
  figureErrors,
  worstFigures,
} from './statistics.ts';

export interface WorstFigure extends FigureError {
  readonly cause: string;
}

export interface ValidationSummary {
  readonly kinds: readonly RecordKind[];
  readonly records: number;
  readonly supported: number;
  readonly fields: Readonly<Record<string, FieldStatistics>>;
  /**
   * Tokens, blocks and concurrency computed from the predicted cache size; `fields` computes them from the logged size.
   */
  readonly endToEnd: Readonly<Record<string, FieldStatistics>>;
  /**
   * Available cache over records that state their utilisation: an assumed utilisation adds its own error. Null if no
   * record states it.
   */
  readonly knownUtilization: FieldStatistics | null;
  readonly worst: readonly WorstFigure[];
  readonly unsupported: readonly { readonly id: string; readonly reason: string }[];
  /** Records that omit what decides some of their figures, which are not compared. */
  readonly undetermined: readonly { readonly id: string; readonly reason: string }[];
}

export interface Validation {
  readonly summary: ValidationSummary;
  readonly records: readonly RecordAnswer[];
}

const worstCount = 10;

/**
 * Predicts every record of a parsed log file. `simulateLoop` predicts runs of requests in place of closed forms. Throws
 * `bad-records` if `input` is no array.
 */
export function validateRecords(
  input: unknown,
  resolver: Resolver,
  simulateLoop?: LoopSimulator,
): Validation {
  if (!Array.isArray(input)) {
    throw new PlimsollError({
      code: 'bad-records',
      message: `a log file holds a list of records; this file holds ${input === null ? 'null' : `a value of type ${typeof input}`}`,
      value: typeof input,
      limit: `a JSON array of records: ${recordKinds.join(', ')}`,
    });
  }
  const raw = input.map((item): RawRecord => (typeof item === 'object' && item !== null ? item : {}));
  const readers = recordReaders(simulateLoop);
  const records = raw.map((record, index) => answer(record, index, { resolver, readers }));
  return { summary: summarise(raw, records), records };
}

type Readers = ReturnType<typeof recordReaders>;

const closedForms = recordReaders();

function readerOf(record: RawRecord, readers: Readers = closedForms): Readers[number] | null {
  return readers.find((reader) => reader.recognises(record)) ?? null;
}

/** Answers one record. A record that cannot be predicted gets the reason as its answer, so that the run continues. */
function answer(
  record: RawRecord,
  index: number,
  { resolver, readers }: { readonly resolver: Resolver; readonly readers: Readers },
): RecordAnswer {
  const id = textField(record, 'id') ?? `record ${index + 1}`;
  const reader = readerOf(record, readers);
  const reported = objectField(record, reader?.reportedField ?? 'reported') as ReportedFields;
  const refuse = (reason: string): RecordAnswer => ({
    id,
    supported: false,
    reason,
    predicted: {},
    reported,
  });
  if (reader === null) return refuse(`not a record of a known kind: ${recordKinds.join(', ')}`);
  try {
    return { ...reader.answer(record, resolver), id };
  } catch (error) {
    if (error instanceof PlimsollError) return refuse(error.message);
    throw error;
  }
}

/**
 * True for tokens and blocks of a cache whose size the log omits, if the reader computes them from that size: only the
 * end-to-end statistics compare such figures.
 */
function isUnconditional(
  figure: FigureError,
  raw: readonly RawRecord[],
  records: readonly RecordAnswer[],
): boolean {
  if (!['kv_tokens', 'gpu_blocks', 'max_concurrency', 'block_size'].includes(figure.field)) return false;
  const index = records.findIndex((candidate) => candidate.id === figure.id);
  const field = readerOf(raw[index] ?? {})?.tokensFrom;
  return field !== undefined && typeof records[index]?.reported[field] !== 'number';
}

function summarise(raw: readonly RawRecord[], records: readonly RecordAnswer[]): ValidationSummary {
  const errors = figureErrors(records).filter((figure) => !isUnconditional(figure, raw, records));
  const endToEnd = records.map((record) =>
    'endToEnd' in record ? { ...record, predicted: record.endToEnd } : null,
  );
  const known = new Set(
    raw
      .filter((record) => typeof record.gpu_memory_utilization === 'number')
      .map((record) => textField(record, 'id')),
  );
  const knownErrors = errors.filter((figure) => figure.field === 'kv_cache_gib' && known.has(figure.id));
  return {
    kinds: [...new Set(raw.flatMap((record) => readerOf(record)?.kind ?? []))],
    records: records.length,
    supported: records.filter((record) => record.supported).length,
    fields: fieldStatistics(errors),
    endToEnd: fieldStatistics(figureErrors(endToEnd.filter((record) => record !== null) as RecordAnswer[])),
    knownUtilization: knownErrors.length === 0 ? null : (fieldStatistics(knownErrors).kv_cache_gib ?? null),
    worst: worstFigures(errors, worstCount).map((figure) => ({
      ...figure,
      cause: causeOf(
        figure,
        records.find((record) => record.id === figure.id),
      ),
    })),
    unsupported: records
      .filter((record) => !record.supported)
      .map((record) => ({ id: record.id, reason: record.reason ?? 'no reason given' })),
    undetermined: records.flatMap(({ id, undetermined = [] }) =>
      undetermined.map((reason) => ({ id, reason })),
    ),
  };
}
