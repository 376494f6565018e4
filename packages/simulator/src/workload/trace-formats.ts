/** The formats of recorded traces, each with the fields that tell it from the others. */
import { readConversation } from './conversation-trace.ts';
import {
  contentIds,
  dateSeconds,
  duration,
  type FieldReader,
  isMissing,
  label,
  number,
  outputTokens,
  RowError,
  tokens,
} from './trace-fields.ts';
import type { TraceRows } from './trace-rows.ts';

export interface TraceFormat {
  readonly name: string;
  /** False if the file does not say when its first turns come. */
  readonly hasTimes: boolean;
  /** Reads the fields of a row, and adds its requests; throws a RowError before it adds one. */
  readonly read: (field: FieldReader, rows: TraceRows) => void;
}

export const csvFormats: readonly (TraceFormat & { readonly header: readonly string[] })[] = [
  {
    name: 'Azure LLM inference',
    header: ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'],
    hasTimes: true,
    read: (field, rows) =>
      rows.add({
        atSeconds: dateSeconds(field('TIMESTAMP')),
        prompt: { length: tokens(field('ContextTokens'), 1) },
        outputTokens: outputTokens(field('GeneratedTokens')),
      }),
  },
  {
    // Its sessions do not say what their prompts share.
    name: 'BurstGPT',
    header: ['Timestamp', 'Model', 'Request tokens', 'Response tokens'],
    hasTimes: true,
    read: (field, rows) =>
      rows.add({
        atSeconds: number(field('Timestamp')),
        prompt: { length: tokens(field('Request tokens'), 1) },
        outputTokens: outputTokens(field('Response tokens')),
      }),
  },
  {
    name: 'Plimsoll',
    header: ['timestamp_ms', 'prompt_tokens', 'output_tokens'],
    hasTimes: true,
    read: (field, rows) => readOwn(field, rows, number(field('timestamp_ms')) / 1e3),
  },
  {
    name: 'lengths',
    header: ['prompt_tokens', 'output_tokens'],
    hasTimes: false,
    read: (field, rows) => readOwn(field, rows, 0),
  },
];

export const jsonFormats: readonly (TraceFormat & { readonly keys: readonly string[] })[] = [
  {
    name: 'cc-traces',
    keys: ['block_size', 'requests'],
    hasTimes: false,
    read: readConversation,
  },
  {
    name: 'Bailian',
    keys: ['chat_id', 'input_length', 'output_length'],
    hasTimes: true,
    read: readBailian,
  },
  { name: 'Mooncake', keys: ['hash_ids'], hasTimes: true, read: readMooncake },
  { name: 'Mooncake', keys: ['input_length', 'output_length'], hasTimes: true, read: readMooncake },
  { name: 'Mooncake', keys: ['input_tokens', 'output_tokens'], hasTimes: true, read: readMooncake },
];

/** Tokens of a content id. */
const [mooncakePart, bailianPart] = [512, 16];

/** A row with a session continues the session's content; its prompt is the whole conversation so far. */
function readOwn(field: FieldReader, rows: TraceRows, atSeconds: number): void {
  const prompt = { length: tokens(field('prompt_tokens'), 1), ...ownPrefix(field) };
  const output = outputTokens(field('output_tokens'));
  const name = label(field('session'));
  if (name === null) {
    rows.add({ atSeconds, prompt, outputTokens: output });
    return;
  }
  const session = rows.session(name);
  if (session !== undefined && atSeconds < session.atSeconds) {
    throw new RowError('session', `session ${name.slice(0, 40)} has a later turn before this one`);
  }
  rows.addTurn(name, {
    atSeconds,
    prompt: { ...prompt, restId: session?.restId ?? rows.nextSessionId() },
    outputTokens: output,
    ...(session !== undefined && { follows: { rows: [session.row], delaySeconds: 0 } }),
  });
}

function ownPrefix(field: FieldReader): {
  readonly hashIds?: readonly number[];
  readonly tokensPerId?: number;
} {
  const group = field('prefix_group');
  if (isMissing(group)) return {};
  const shared = field('prefix_tokens');
  if (isMissing(shared)) throw new RowError('prefix_tokens', 'is missing, and prefix_group needs it');
  const id = tokens(group, 0);
  const length = Math.min(tokens(shared, 1), tokens(field('prompt_tokens'), 1));
  return { hashIds: [id], tokensPerId: length };
}

/** A child chat comes at its recorded time, and not before the answer to its parent. */
function readBailian(field: FieldReader, rows: TraceRows): void {
  const name = label(field('chat_id'));
  if (name === null) throw new RowError('chat_id', 'is missing');
  const parent = rows.session(label(field('parent_chat_id')) ?? '');
  const atSeconds = number(field('timestamp'));
  rows.addTurn(name, {
    atSeconds: Math.max(atSeconds, parent?.atSeconds ?? atSeconds),
    ...hashedRequest(field, bailianPart),
    ...(parent !== undefined && { follows: { rows: [parent.row], delaySeconds: 0 } }),
  });
}

/**
 * Later turns of a session come `delay` after the last answer. With content ids the length is that of the whole prompt;
 * without them it counts the tokens of the turn alone, as AIPerf replays such rows.
 */
function readMooncake(field: FieldReader, rows: TraceRows): void {
  const name = label(field('session_id'));
  const session = name === null ? undefined : rows.session(name);
  const time = field('timestamp', 'created_time');
  const atSeconds = session !== undefined && isMissing(time) ? null : number(time) / 1e3;
  const delay = field('delay', 'delay_ms');
  const delaySeconds = isMissing(delay) ? 0 : duration(delay) / 1e3;
  const hasIds = !isMissing(field('hash_ids'));
  const request = hasIds
    ? hashedRequest(field, mooncakePart)
    : turnRequest(
        field,
        session?.tokens ?? 0,
        name === null ? null : (session?.restId ?? rows.nextSessionId()),
      );
  if (name === null) {
    rows.add({ atSeconds: atSeconds ?? 0, ...request });
    return;
  }
  const earliest = session === undefined ? 0 : session.atSeconds + delaySeconds;
  rows.addTurn(name, {
    atSeconds: session === undefined ? (atSeconds ?? 0) : Math.max(atSeconds ?? earliest, session.atSeconds),
    ...request,
    ...(session !== undefined && { follows: { rows: [session.row], delaySeconds } }),
  });
}

type Lengths = { readonly prompt: TracedPrompt; readonly outputTokens: number };
type TracedPrompt = Parameters<TraceRows['add']>[0]['prompt'];

function hashedRequest(field: FieldReader, tokensPerId: number): Lengths {
  const length = tokens(field('input_length', 'input_tokens'), 1);
  const hashIds = contentIds(field('hash_ids'), Math.floor(length / tokensPerId));
  return {
    prompt: { length, hashIds, tokensPerId },
    outputTokens: outputTokens(field('output_length', 'output_tokens')),
  };
}

function turnRequest(field: FieldReader, tokensBefore: number, restId: number | null): Lengths {
  const length = tokensBefore + tokens(field('input_length', 'input_tokens'), 1);
  return {
    prompt: { length, ...(restId !== null && { restId }) },
    outputTokens: outputTokens(field('output_length', 'output_tokens')),
  };
}
