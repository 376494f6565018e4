/**
 * The load of one step: sums over its entries, which `stepTime` turns into seconds. Adding or dropping an entry costs a
 * few operations for any length of context, so a simulator keeps one load and updates it.
 *
 * Under data parallelism (DP attention) the load describes the group with the most tokens; experts serve all groups.
 */
import type { ModelWork } from './model-work.ts';

export interface StepLoad {
  /** Computed tokens, including drafts. */
  readonly tokens: number;
  /** Tokens of all data groups: the experts of every device serve them all. */
  readonly expertTokens: number;
  /** Rows of logits: one per decoding sequence, one per draft token, one per finished prompt. */
  readonly sampledRows: number;
  /** Sequences of all data groups: each adds host work to the step. */
  readonly sequences: number;
  /** Entries that compute prompt tokens. */
  readonly prompts: number;
  /** Cached bytes that attention reads. */
  readonly cacheReadBytes: number;
  readonly attentionOperations: number;
}

/** One sequence in a step: the tokens [start, start + count), as the scheduler plans them. */
export interface LoadEntry {
  readonly kind: 'decode' | 'prefill';
  readonly start: number;
  readonly count: number;
  readonly sampledRows: number;
}

export const emptyLoad: StepLoad = {
  tokens: 0,
  expertTokens: 0,
  sampledRows: 0,
  sequences: 0,
  prompts: 0,
  cacheReadBytes: 0,
  attentionOperations: 0,
};

/** Returns the load with one more entry, for a replica without data parallelism. */
export function addEntry(load: StepLoad, work: ModelWork, entry: LoadEntry): StepLoad {
  return sum(load, entryLoad(work, entry), 1);
}

/** Returns the load without an entry that was added before. */
export function dropEntry(load: StepLoad, work: ModelWork, entry: LoadEntry): StepLoad {
  return sum(load, entryLoad(work, entry), -1);
}

function entryLoad(work: ModelWork, { kind, start, count, sampledRows }: LoadEntry): StepLoad {
  const isPrompt = kind === 'prefill';
  return {
    tokens: count,
    expertTokens: count,
    sampledRows,
    sequences: 1,
    prompts: isPrompt ? 1 : 0,
    // Operations bound the attention of a prompt; its key reads overlap with them.
    cacheReadBytes: isPrompt ? 0 : work.cacheBytes(start),
    attentionOperations: isPrompt
      ? work.prefillOperations(start + count, start)
      : count * work.decodeOperations(start),
  };
}

function sum(load: StepLoad, other: StepLoad, sign: 1 | -1): StepLoad {
  return {
    tokens: load.tokens + sign * other.tokens,
    expertTokens: load.expertTokens + sign * other.expertTokens,
    sampledRows: load.sampledRows + sign * other.sampledRows,
    sequences: load.sequences + sign * other.sequences,
    prompts: load.prompts + sign * other.prompts,
    cacheReadBytes: load.cacheReadBytes + sign * other.cacheReadBytes,
    attentionOperations: load.attentionOperations + sign * other.attentionOperations,
  };
}

export type MutableLoad = { -readonly [Name in keyof StepLoad]: number };

/** Adds an entry to `load` in place, without allocation. Same sums as `addEntry`. */
export function include(load: MutableLoad, work: ModelWork, entry: LoadEntry): void {
  const { kind, start, count } = entry;
  load.tokens += count;
  load.expertTokens += count;
  load.sampledRows += entry.sampledRows;
  load.sequences += 1;
  if (kind === 'prefill') {
    load.prompts += 1;
    load.attentionOperations += work.prefillOperations(start + count, start);
  } else {
    load.cacheReadBytes += work.cacheBytes(start);
    load.attentionOperations += count * work.decodeOperations(start);
  }
}

/**
 * Writes into `load` one decode step of `users` with `context` cached tokens each, spread evenly over `data` groups.
 */
export function setDecode(
  load: MutableLoad,
  work: ModelWork,
  { users, context, data }: { readonly users: number; readonly context: number; readonly data: number },
): StepLoad {
  const inGroup = users / data;
  load.tokens = inGroup;
  load.expertTokens = users;
  load.sampledRows = inGroup;
  load.sequences = users;
  load.prompts = 0;
  load.cacheReadBytes = inGroup * work.cacheBytes(context);
  load.attentionOperations = inGroup * work.decodeOperations(context);
  return load;
}

/** A batch of equal prompts over `data` groups. */
export interface PromptBatch {
  readonly promptTokens: number;
  /** Tokens at the start of each prompt that were found in a prefix cache. */
  readonly cachedTokens: number;
  readonly prompts: number;
  readonly data: number;
}

/**
 * Writes into `load` a batch of equal prompts. A prompt stays in one data group, so one prompt leaves other groups
 * idle.
 */
export function setPrefill(load: MutableLoad, work: ModelWork, batch: PromptBatch): StepLoad {
  const { promptTokens, cachedTokens, prompts, data } = batch;
  const inGroup = prompts > data ? prompts / data : 1;
  const tokens = Math.max(1, promptTokens - cachedTokens);
  load.tokens = inGroup * tokens;
  load.expertTokens = prompts * tokens;
  load.sampledRows = inGroup;
  load.sequences = prompts;
  load.prompts = prompts;
  load.cacheReadBytes = 0;
  load.attentionOperations = inGroup * work.prefillOperations(promptTokens, cachedTokens);
  return load;
}
