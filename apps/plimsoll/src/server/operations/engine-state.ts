/**
 * The state of the server for a live view: memory, blocks with their owners, requests and latencies. It has a bounded size,
 * and is computed only while a client of `/v1/events` asks for it.
 */
import { z } from 'zod';
import { heldByCategory } from '../../render/answer-text.ts';
import type { ServerCore } from '../core/server-core.ts';
import { blockCells } from './block-cells.ts';

/** Requests in the list; the oldest come first, because they hold the memory. */
const requestsMax = 64;

const bytes = z.number().describe('bytes');
const count = z.int().nonnegative();

const histogramSchema = z.object({
  bounds: z.array(z.number()).describe('Inclusive upper limits in seconds; the last bucket has none.'),
  counts: z.array(count).describe('Observations per bucket.'),
  sum: z.number(),
});

const blocksSchema = z.object({
  group: z.string(),
  blockTokens: count,
  free: count,
  cached: count,
  owned: count,
  blockCount: count,
  blocksPerCell: count,
  runs: z
    .array(z.int())
    .describe(
      'Pairs of a state and a number of cells. States: -1 free, -2 cached, -2 - n for n owners (n > 1), else the id of the only owner.',
    ),
});

const requestSchema = z.object({
  id: z.int(),
  state: z.enum(['waiting', 'receiving', 'prefilling', 'decoding', 'preempted', 'sending', 'finished']),
  isPaused: z.boolean(),
  promptTokens: count,
  cachedTokens: count,
  computedTokens: count,
  outputTokens: count,
  blocks: count.describe('Blocks of all cache groups.'),
});

export const engineStateSchema = z
  .object({
    model: z.string(),
    contextMax: count,
    sequencesMax: count,
    waitingMax: count,
    vocabulary: count,
    startedAt: z.int().describe('Unix time in seconds at which the server began to serve.'),
    limitBytes: bytes,
    residentBytes: bytes,
    ledger: z.array(z.object({ category: z.string(), plannedBytes: bytes, heldBytes: bytes })),
    sequences: z.object({ waiting: count, running: count, paused: count }),
    requests: z.array(requestSchema),
    requestsLeftOut: count.describe('Live requests that the list leaves out.'),
    blocks: z.array(blocksSchema),
    histograms: z.object({
      firstToken: histogramSchema,
      interToken: histogramSchema,
      queue: histogramSchema,
    }),
    totals: z.object({
      promptTokens: count,
      outputTokens: count,
      preemptions: count,
      prefixQueryTokens: count,
      prefixHitTokens: count,
    }),
  })
  .meta({ id: 'EngineState' });

export type EngineState = z.infer<typeof engineStateSchema>;

export function engineState({ model, meter, limitBytes }: ServerCore): EngineState {
  const { engine, names, tokenizer, createdAt } = model;
  const plan = engine.memory.adoptedPlan;
  const planned = plan === null ? {} : heldByCategory(plan.ledger);
  const held = heldByCategory(engine.ledger());
  const { waitingCount, runningCount, pausedCount } = engine.load;
  const sequences = [...engine.sequences];
  const { preemptions, prefixQueryTokens, prefixHitTokens } = engine.metrics;
  return {
    model: names[0] ?? '',
    contextMax: engine.contextMax,
    sequencesMax: plan?.settings.sequencesMax ?? 0,
    waitingMax: plan?.settings.waitingMax ?? 0,
    vocabulary: tokenizer.vocabSize,
    startedAt: createdAt,
    limitBytes,
    residentBytes: process.memoryUsage.rss(),
    ledger: Object.keys({ ...planned, ...held }).map((category) => ({
      category,
      plannedBytes: planned[category as keyof typeof planned] ?? 0,
      heldBytes: held[category as keyof typeof held] ?? 0,
    })),
    sequences: { waiting: waitingCount, running: runningCount, paused: pausedCount },
    requests: sequences.slice(0, requestsMax).map((sequence) => ({
      id: sequence.id,
      state: sequence.state,
      isPaused: sequence.isPaused,
      promptTokens: sequence.promptLength,
      cachedTokens: sequence.cachedTokens,
      computedTokens: sequence.computedTokens,
      outputTokens: sequence.tokens.length - sequence.promptLength,
      blocks: sequence.tables.reduce((sum, table) => sum + table.blocks.length, 0),
    })),
    requestsLeftOut: Math.max(0, sequences.length - requestsMax),
    blocks: engine.occupancy.map(({ name, free, cached, owned }, group) => ({
      group: name,
      blockTokens: plan?.settings.blockTokens ?? 0,
      free,
      cached,
      owned,
      ...blockCells({
        blocks: engine.blocks(group),
        sequences: sequences.map(({ id, tables }) => ({ id, blocks: tables[group]?.blocks ?? [] })),
      }),
    })),
    histograms: meter.latencies,
    totals: { ...totalTokens(sequences, meter.totals), preemptions, prefixQueryTokens, prefixHitTokens },
  };
}

/** The meter counts a request at its end; live requests are added here. */
function totalTokens(
  live: readonly { readonly promptLength: number; readonly tokens: readonly number[] }[],
  ended: { readonly promptTokens: number; readonly outputTokens: number },
): { readonly promptTokens: number; readonly outputTokens: number } {
  const prompts = live.reduce((sum, { promptLength }) => sum + promptLength, 0);
  const known = live.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return {
    promptTokens: ended.promptTokens + prompts,
    outputTokens: ended.outputTokens + known - prompts,
  };
}
