/**
 * Conversations of coding agents as Weka and SemiAnalysis publish them (cc-traces): an object per conversation with a tree
 * of requests. The requests of an agent come one after another; a subagent has a list of its own, which starts after the
 * request before it. The request after a subagent waits for it if the recording shows that it did.
 *
 * A request waits for an earlier request. Its recorded pause starts when that request ends, so that a replay on a slower
 * server keeps the pauses of people and tools, and not the recorded service times.
 */
import type { TracedRequest } from './arrivals.ts';
import {
  contentIds,
  duration,
  type Field,
  type FieldReader,
  fieldsOf,
  isJsonObject,
  isMissing,
  type JsonObject,
  number,
  outputTokens,
  RowError,
  tokens,
} from './trace-fields.ts';
import type { TraceRows } from './trace-rows.ts';

/** Subagents of subagents: deeper trees do not come from agents. */
const depthMax = 16;
/** Content ids of one conversation lie below this number, because each conversation has its own. */
const idsPerConversation = 2 ** 26;
/** A file rounds its times, so a request can start this many seconds before the recorded end of the request it waited for. */
const roundingSeconds = 0.05;

interface Conversation {
  readonly requests: Recorded[];
  readonly tokensPerId: number;
  /** Added to the content ids. */
  readonly idsStart: number;
}

/** A request with its recorded times in the conversation. */
interface Recorded {
  readonly index: number;
  readonly endedAt: number;
  readonly row: TracedRequest;
}

export function readConversation(field: FieldReader, rows: TraceRows): void {
  const conversation: Conversation = {
    requests: [],
    tokensPerId: tokens(field('block_size'), 1),
    // Two sessions of one file have different starts, because each adds a row.
    idsStart: isShared(field('hash_id_scope')) ? 0 : rows.length * idsPerConversation,
  };
  readChain(conversation, field('requests'), { offset: 0, parent: null, depth: 0 });
  if (conversation.requests.length === 0) throw new RowError('requests', 'has no requests');
  const first = rows.length;
  for (const { row } of conversation.requests) {
    const { follows } = row;
    rows.add({
      ...row,
      ...(follows !== undefined && {
        follows: { ...follows, rows: follows.rows.map((index) => first + index) },
      }),
    });
  }
}

function isShared({ name, value }: Field): boolean {
  if (value === undefined || value === 'local') return false;
  if (value === 'global') return true;
  throw new RowError(name, 'is neither local nor global');
}

interface Chain {
  /** Added to the times of the list. */
  readonly offset: number;
  /** The request before the list in its parent. */
  readonly parent: Recorded | null;
  readonly depth: number;
}

/** Reads one list of requests; returns its last request and those of its subagents that nothing waited for. */
function readChain(conversation: Conversation, list: Field, chain: Chain): readonly Recorded[] {
  let last = chain.parent;
  let open: readonly Recorded[] = [];
  for (const { entry, place, at } of entriesOf(list, chain)) {
    const field = fieldsOf(entry, `${place}.`);
    if (isSubagent(field('type'))) {
      if (chain.depth >= depthMax) throw new RowError(place, `is a subagent at depth ${depthMax}`);
      const inner = field('requests');
      const offset = isRelative(inner.value, number(field('t'))) ? at : chain.offset;
      open = [...open, ...readChain(conversation, inner, { offset, parent: last, depth: chain.depth + 1 })];
      continue;
    }
    const awaited = open.filter(({ endedAt }) => endedAt <= at + roundingSeconds);
    open = open.filter((one) => !awaited.includes(one));
    last = addRequest(conversation, { field, at, follows: last === null ? awaited : [last, ...awaited] });
  }
  return last === null || last === chain.parent ? open : [last, ...open];
}

/** Requests are `n` or `s`: with a whole answer, or streamed. */
function isSubagent({ name, value }: Field): boolean {
  if (value === 'subagent') return true;
  if (value === undefined || value === 'n' || value === 's') return false;
  throw new RowError(name, 'is none of n, s, subagent');
}

interface Entry {
  readonly entry: JsonObject;
  /** `requests[3]`. */
  readonly place: string;
  /** Seconds from the start of the conversation. */
  readonly at: number;
}

function entriesOf({ name, value }: Field, { offset }: Chain): readonly Entry[] {
  if (!Array.isArray(value)) throw new RowError(name, 'is not a list of requests');
  const entries = value.map((entry: unknown, index): Entry => {
    const place = `${name}[${index}]`;
    if (!isJsonObject(entry)) throw new RowError(place, 'is no object');
    return { entry, place, at: offset + number(fieldsOf(entry, `${place}.`)('t')) };
  });
  return entries.sort((left, right) => left.at - right.at);
}

/** Raw files count the times of a subagent from its start, published ones from the start of the conversation. */
function isRelative(requests: unknown, startedAt: number): boolean {
  if (!Array.isArray(requests)) return false;
  return requests.some(
    (one: unknown) => isJsonObject(one) && Number(fieldsOf(one)('t').value) < startedAt - roundingSeconds,
  );
}

interface NewRequest {
  readonly field: FieldReader;
  readonly at: number;
  readonly follows: readonly Recorded[];
}

function addRequest(conversation: Conversation, { field, at, follows }: NewRequest): Recorded {
  const { requests, tokensPerId, idsStart } = conversation;
  const length = tokens(field('in'), 1);
  const ids = field('hash_ids');
  const hashIds = contentIds(ids, Math.floor(length / tokensPerId));
  if (hashIds.some((id) => id >= idsPerConversation)) {
    throw new RowError(ids.name, `has an id above ${idsPerConversation - 1}`);
  }
  const waitedFor = Math.max(0, ...follows.map(({ endedAt }) => endedAt));
  const earliest = Math.max(0, ...follows.map(({ row }) => row.atSeconds));
  const served = field('api_time');
  const think = field('think_time');
  // Without the time of the service, the recording says the pause itself, or nothing more than the start.
  const delaySeconds = isMissing(served) && !isMissing(think) ? duration(think) : Math.max(0, at - waitedFor);
  const recorded: Recorded = {
    index: requests.length,
    endedAt: at + (isMissing(served) ? 0 : duration(served)),
    row: {
      atSeconds: follows.length === 0 ? at : earliest + delaySeconds,
      prompt: { length, hashIds: hashIds.map((id) => idsStart + id), tokensPerId },
      outputTokens: outputTokens(field('out')),
      ...(follows.length > 0 && {
        follows: { rows: [...new Set(follows.map(({ index }) => index))], delaySeconds },
      }),
    },
  };
  requests.push(recorded);
  return recorded;
}
