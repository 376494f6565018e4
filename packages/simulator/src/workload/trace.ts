/**
 * Reads recorded traces of requests. The header of a CSV file, or the fields of the first JSON line, tell the format:
 *
 *   Azure LLM inference 2023, 2024   TIMESTAMP,ContextTokens,GeneratedTokens
 *   BurstGPT, both headers           Timestamp,[Session ID,Elapsed time,]Model,Request tokens,Response tokens,...
 *   own                              timestamp_ms,prompt_tokens,output_tokens[,session,prefix_group]
 *   Mooncake                         {timestamp (ms), input_length, output_length, hash_ids of 512 tokens}
 *   Bailian (Qwen)                   {chat_id, timestamp (s), input_length, output_length, hash_ids of 16 tokens}
 *
 * Times count from the first request. An error names file, line and field; `skipBadRows` counts such rows instead.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { TracedRequest } from './arrivals.ts';

export interface Trace {
  readonly format: string;
  readonly rows: readonly TracedRequest[];
  /** Rows that could not be read. */
  readonly skipped: number;
}

interface TraceFormat {
  readonly name: string;
  /** Reads the fields of a row by name; throws a RowError. */
  readonly read: (field: FieldReader) => TracedRequest;
}

/** The value of the first of these fields that the row has. */
type FieldReader = (...names: readonly string[]) => Field;

interface Field {
  readonly name: string;
  readonly value: unknown;
}

class RowError extends Error {
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

const csvFormats: readonly (TraceFormat & { readonly header: readonly string[] })[] = [
  {
    name: 'Azure LLM inference',
    header: ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'],
    read: (field) => row(dateSeconds(field('TIMESTAMP')), field('ContextTokens'), field('GeneratedTokens')),
  },
  {
    name: 'BurstGPT',
    header: ['Timestamp', 'Model', 'Request tokens', 'Response tokens'],
    // A failed request has no response tokens; it loads the server with its prompt alone.
    read: (field) => row(number(field('Timestamp')), field('Request tokens'), field('Response tokens')),
  },
  {
    name: 'Plimsoll',
    header: ['timestamp_ms', 'prompt_tokens', 'output_tokens'],
    read: (field) => row(number(field('timestamp_ms')) / 1e3, field('prompt_tokens'), field('output_tokens')),
  },
];

const jsonFormats: readonly (TraceFormat & { readonly keys: readonly string[] })[] = [
  {
    name: 'Bailian',
    keys: ['chat_id', 'input_length', 'output_length'],
    read: (field) => hashed(number(field('timestamp')), field, 16),
  },
  {
    name: 'Mooncake',
    keys: ['hash_ids'],
    read: (field) => hashed(number(field('timestamp', 'created_time')) / 1e3, field, 512),
  },
];

/** Rows of a trace: more would not fit in memory as one text. */
const rowsMax = 2e7;

export function readTrace(text: string, path: string, skipBadRows = false): Trace {
  const lines = text.split(/\r?\n/);
  const isJson =
    lines
      .find((line) => line.trim() !== '')
      ?.trimStart()
      .startsWith('{') === true;
  const { format, read, first } = isJson ? jsonReader(lines, path) : csvReader(lines, path);
  const rows: TracedRequest[] = [];
  let skipped = 0;
  for (let index = first; index < lines.length && rows.length < rowsMax; index++) {
    const line = lines[index] ?? '';
    if (line.trim() === '') continue;
    try {
      rows.push(read(line));
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      if (!skipBadRows) throw badTrace(`${path}:${index + 1}: ${error.field}: ${error.message}`, error.field);
      skipped++;
    }
  }
  if (rows.length === 0) throw badTrace(`${path}: the trace has no requests`, format);
  rows.sort((left, right) => left.atSeconds - right.atSeconds);
  const start = rows[0]?.atSeconds ?? 0;
  return {
    format,
    rows: rows.map((one) => ({ ...one, atSeconds: one.atSeconds - start })),
    skipped,
  };
}

interface LineReader {
  readonly format: string;
  readonly read: (line: string) => TracedRequest;
  /** Index of the first line with a request. */
  readonly first: number;
}

function csvReader(lines: readonly string[], path: string): LineReader {
  const header = (lines[0] ?? '')
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((name) => name.trim());
  const format = csvFormats.find((one) => one.header.every((name) => header.includes(name)));
  if (format === undefined) {
    const known = csvFormats.map((one) => one.header.join(',')).join('; ');
    throw badTrace(`${path}:1: no trace has the header "${(lines[0] ?? '').slice(0, 80)}"`, 'header', known);
  }
  return {
    format: format.name,
    first: 1,
    read(line) {
      const cells = line.split(',');
      return format.read((name = '') => ({ name, value: cells[header.indexOf(name)]?.trim() }));
    },
  };
}

function jsonReader(lines: readonly string[], path: string): LineReader {
  const first = lines.findIndex((line) => line.trim() !== '');
  const keys = Object.keys(firstObject(lines[first] ?? '', `${path}:${first + 1}`));
  const format = jsonFormats.find((one) => one.keys.every((key) => keys.includes(key)));
  if (format === undefined) {
    const known = jsonFormats.map((one) => `{${one.keys.join(', ')}}`).join('; ');
    throw badTrace(
      `${path}:${first + 1}: no trace has the fields ${keys.slice(0, 10).join(', ')}`,
      'fields',
      known,
    );
  }
  return {
    format: format.name,
    first,
    read(line) {
      const object = jsonObject(line);
      return format.read((...names) => {
        const name = names.find((one) => Object.hasOwn(object, one)) ?? names[0] ?? '';
        return { name, value: object[name] };
      });
    },
  };
}

/** The first line tells the format, so it cannot be left out. */
function firstObject(line: string, place: string): Readonly<Record<string, unknown>> {
  try {
    return jsonObject(line);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    throw badTrace(`${place}: ${error.field}: ${error.message}`, error.field);
  }
}

function jsonObject(line: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new RowError('line', 'is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RowError('line', 'is no object');
  return value as Readonly<Record<string, unknown>>;
}

function row(atSeconds: number, prompt: Field, output: Field): TracedRequest {
  const length = tokens(prompt, 1);
  return { atSeconds, prompt: { length }, outputTokens: Math.max(1, tokens(output, 0)) };
}

function hashed(atSeconds: number, field: FieldReader, tokensPerId: number): TracedRequest {
  const plain = row(
    atSeconds,
    field('input_length', 'input_tokens'),
    field('output_length', 'output_tokens'),
  );
  const { name, value } = field('hash_ids');
  if (!Array.isArray(value) || !value.every((id) => Number.isSafeInteger(id))) {
    throw new RowError(name, 'is not a list of whole numbers');
  }
  // Only whole parts are content that another prompt can share.
  const hashIds = (value as number[]).slice(0, Math.floor(plain.prompt.length / tokensPerId));
  return { ...plain, prompt: { length: plain.prompt.length, hashIds, tokensPerId } };
}

/** Most tokens of one request: beyond every model. */
const tokensMax = 1e8;

function tokens(field: Field, least: number): number {
  const value = number(field);
  if (Number.isInteger(value) && value >= least && value <= tokensMax) return value;
  throw new RowError(field.name, `${value} is not a number of tokens from ${least} to ${tokensMax}`);
}

function number({ name, value }: Field): number {
  const read = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof read === 'number' && Number.isFinite(read)) return read;
  throw new RowError(
    name,
    value === undefined || value === '' ? 'is missing' : `"${String(value).slice(0, 40)}" is not a number`,
  );
}

/** `2023-11-16 18:17:03.9799600`, with or without a zone; a time without a zone counts as UTC. */
function dateSeconds({ name, value }: Field): number {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(String(value ?? ''));
  const whole = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}${match[4] ?? 'Z'}`);
  // Fractions have seven digits in some files, more than a Date keeps.
  if (Number.isFinite(whole)) return whole / 1e3 + Number(match?.[3] ?? 0);
  throw new RowError(name, `"${String(value).slice(0, 40)}" is not a date and time`);
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
