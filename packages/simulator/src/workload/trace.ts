/**
 * Reads recorded traces of requests. The header of a CSV file, or the fields of the first JSON object, tell the format:
 *
 *   Azure LLM inference 2023, 2024   TIMESTAMP,ContextTokens,GeneratedTokens
 *   BurstGPT, both headers           Timestamp,[Session ID,Elapsed time,]Model,Request tokens,Response tokens,...
 *   own                              timestamp_ms,prompt_tokens,output_tokens[,session][,prefix_group,prefix_tokens]
 *   lengths alone                    prompt_tokens,output_tokens[,session][,prefix_group,prefix_tokens]
 *   Mooncake                         {timestamp (ms), input_length, output_length, hash_ids of 512 tokens}, with
 *                                    session_id and delay (ms); also input_tokens, output_tokens, created_time, delay_ms
 *   Bailian (Qwen)                   {chat_id, parent_chat_id, timestamp (s), input_length, output_length, hash_ids of 16}
 *   cc-traces (Weka, SemiAnalysis)   {block_size, hash_id_scope, requests: [{t, type, in, out, hash_ids, api_time}]}
 *
 * JSON is one object per line, one object, or one array. Times count from the first request. An error names file, line
 * and field; `skipBadRows` counts such rows instead.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { TracedRequest } from './arrivals.ts';
import { fieldsOf, isJsonObject, type JsonObject, RowError } from './trace-fields.ts';
import { csvFormats, jsonFormats, type TraceFormat } from './trace-formats.ts';
import { TraceRows } from './trace-rows.ts';

export interface Trace {
  readonly format: string;
  readonly rows: readonly TracedRequest[];
  /** False if the file does not say when requests, or conversations, start. */
  readonly hasTimes: boolean;
  /** Rows that could not be read. */
  readonly skipped: number;
}

/** Requests of a trace: more would not fit in memory as one text. */
const rowsMax = 2e7;

export function readTrace(text: string, path: string, skipBadRows = false): Trace {
  const [start = ''] = /[^\s\uFEFF]/.exec(text) ?? [];
  const lines = text.split(/\r?\n/);
  const source = start === '{' || start === '[' ? jsonSource(text, lines, path) : csvSource(lines, path);
  const { format, records } = source;
  const rows = new TraceRows();
  let skipped = 0;
  for (const { place, read } of records) {
    if (rows.length >= rowsMax) break;
    try {
      read(rows);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      if (!skipBadRows) throw badTrace(`${place}: ${error.field}: ${error.message}`, error.field);
      skipped++;
    }
  }
  if (rows.length === 0) throw badTrace(`${path}: the trace has no requests`, format.name);
  return { format: format.name, rows: rows.sorted(), hasTimes: format.hasTimes, skipped };
}

interface TraceRecord {
  /** File and line. */
  readonly place: string;
  readonly read: (rows: TraceRows) => void;
}

interface TraceSource {
  readonly format: TraceFormat;
  readonly records: Iterable<TraceRecord>;
}

function csvSource(lines: readonly string[], path: string): TraceSource {
  const header = (lines[0] ?? '')
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((name) => name.trim());
  const format = csvFormats.find((one) => one.header.every((name) => header.includes(name)));
  if (format === undefined) {
    const known = csvFormats.map((one) => one.header.join(',')).join('; ');
    throw badTrace(`${path}:1: no trace has the header "${(lines[0] ?? '').slice(0, 80)}"`, 'header', known);
  }
  const reader = (line: string) => (rows: TraceRows) => {
    const cells = line.split(',');
    format.read((name = '') => ({ name, value: cells[header.indexOf(name)]?.trim() }), rows);
  };
  return { format, records: recordsOf(lines, path, { first: 1, reader }) };
}

function jsonSource(text: string, lines: readonly string[], path: string): TraceSource {
  const first = lines.findIndex((line) => line.trim() !== '');
  const line = (lines[first] ?? '').replace(/^\uFEFF/, '');
  const whole = isJson(line) && !line.startsWith('[') ? null : wholeDocument(text);
  if (whole !== null) {
    const format = jsonFormat(whole[0], path);
    const records = whole.map((value, index) => ({
      place: `${path}: object ${index + 1}`,
      read: (rows: TraceRows) => format.read(fieldsOf(objectOf(value)), rows),
    }));
    return { format, records };
  }
  const format = jsonFormat(firstValue(line, `${path}:${first + 1}`), `${path}:${first + 1}`);
  const reader = (one: string) => (rows: TraceRows) => format.read(fieldsOf(objectOf(parsed(one))), rows);
  return { format, records: recordsOf(lines, path, { first, reader }) };
}

interface LineReader {
  /** Index of the first line with a request. */
  readonly first: number;
  readonly reader: (line: string) => TraceRecord['read'];
}

function* recordsOf(
  lines: readonly string[],
  path: string,
  { first, reader }: LineReader,
): Iterable<TraceRecord> {
  for (let index = first; index < lines.length; index++) {
    const line = (lines[index] ?? '').replace(/^\uFEFF/, '');
    if (line.trim() !== '') yield { place: `${path}:${index + 1}`, read: reader(line) };
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** The objects of a file that is one object or one array; null if it is neither. */
function wholeDocument(text: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return Array.isArray(value) ? value : [value];
  } catch {
    return null;
  }
}

function jsonFormat(value: unknown, place: string): TraceFormat {
  const keys = isJsonObject(value) ? Object.keys(value) : [];
  const format = jsonFormats.find((one) => one.keys.every((key) => keys.includes(key)));
  if (format !== undefined) return format;
  if (keys.includes('conversations')) {
    throw new PlimsollError({
      code: 'trace-without-lengths',
      message: `${place}: ShareGPT has texts, and only a tokenizer knows their lengths`,
      value: 'conversations',
      limit: 'a CSV file prompt_tokens,output_tokens',
      hint: 'count the tokens with the tokenizer of the model, and write one line per request',
    });
  }
  const known = jsonFormats.map((one) => `{${one.keys.join(', ')}}`).join('; ');
  throw badTrace(`${place}: no trace has the fields ${keys.slice(0, 10).join(', ')}`, 'fields', known);
}

/** The first line tells the format, so it cannot be left out. */
function firstValue(line: string, place: string): unknown {
  try {
    return objectOf(parsed(line));
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    throw badTrace(`${place}: ${error.field}: ${error.message}`, error.field);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new RowError('line', 'is not JSON');
  }
}

function objectOf(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw new RowError('line', 'is no object');
}

function badTrace(message: string, value: string, limit?: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-trace',
    message,
    value,
    limit,
    hint: 'mend the row, or pass --skip-bad-rows, which counts such rows and leaves them out',
  });
}
