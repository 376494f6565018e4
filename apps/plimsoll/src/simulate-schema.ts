/** The stable shape of `plimsoll simulate --json`. */
import { z } from 'zod';

const secondsField = z.number().describe('seconds');
const count = z.int().nonnegative();

const statistics = z
  .strictObject({ mean: z.number(), p50: z.number(), p90: z.number(), p99: z.number() })
  .nullable()
  .describe('seconds; null if no request has the figure');

const share = z.number();

const pool = z.strictObject({
  replicas: count,
  blocks: count.describe('KV blocks of all replicas'),
  occupancyMean: share,
  occupancyPeak: share,
  busyShare: share.describe('share of the time in which a replica computes'),
  prefixHitShare: share,
});

export const simulateSchema = z.strictObject({
  scenario: z.strictObject({
    model: z.string(),
    hardware: z.string(),
    devices: count,
    replicas: count,
    engine: z.string(),
    engineVersion: z.string().nullable(),
    seed: count,
  }),
  requests: z.strictObject({
    completed: count,
    censored: count.describe('requests that had not ended when the run did'),
    refused: count,
    refusals: z.record(z.string(), count).describe('refused requests by the code of the error'),
  }),
  stable: z.boolean(),
  unstableReason: z.string().nullable(),
  simulatedSeconds: secondsField.describe('seconds from the first arrival to the last answer'),
  throughput: z.strictObject({
    requestsPerSecond: z.number(),
    outputTokensPerSecond: z.number(),
    totalTokensPerSecond: z.number(),
  }),
  goodput: z
    .strictObject({
      requestsPerSecond: z.number(),
      share: z.number().describe('share of the completed requests that held every limit'),
    })
    .nullable(),
  ttft: statistics,
  ttftParts: z.strictObject({ frontEndSeconds: secondsField, queue: statistics, prefill: statistics }),
  itl: statistics.describe('(E2E - TTFT) / (output tokens - 1), one value per request'),
  tokenGap: statistics.describe('time between two tokens, one value per gap'),
  e2e: statistics,
  sessions: z
    .strictObject({
      completed: count.describe('sessions whose last request was answered'),
      requestsMean: z.number(),
      duration: statistics.describe('first arrival to last answer, pauses and tools included'),
    })
    .nullable()
    .describe('null if requests stand alone'),
  kvCache: z.strictObject({
    blocks: count,
    blockTokens: count,
    occupancyMean: z.number(),
    occupancyPeak: z.number(),
    prefixHitShare: z.number(),
    preemptions: count,
    recomputedTokens: count,
  }),
  batch: z.strictObject({
    steps: count,
    runningMean: z.number(),
    waitingMean: z.number(),
    busyShare: z.number(),
  }),
  layout: z
    .strictObject({
      stages: count,
      dataGroups: count,
      dummySteps: count.describe('steps of data groups without work, while others have work'),
      bubbleShare: z.number().describe('share of the time with requests in which a stage has no work'),
    })
    .nullable()
    .describe('null if each replica has one scheduler'),
  speculation: z
    .strictObject({
      draftTokens: count,
      acceptanceLength: z.number().describe('mean tokens that a decoding sequence gets in a step'),
      acceptedShare: z.number().describe('share of the drafts that were accepted'),
      speedRatio: z
        .number()
        .describe('tokens per second of decoding steps, over the same steps without drafts'),
    })
    .nullable()
    .describe('null without speculative decoding'),
  hostCache: z
    .strictObject({
      blocks: count.describe('blocks of the host memory of all replicas'),
      deviceHitTokens: count.describe('prompt tokens that the cache on the devices had'),
      hostHitTokens: count.describe('prompt tokens that were loaded from host memory'),
      hostHitShare: share.describe('share of the prompt tokens that were loaded'),
      load: statistics.describe('from the admission until the blocks have arrived, one value per load'),
      loadedBytes: z.number(),
      linkBusyShare: share.describe('of the links to host memory'),
    })
    .optional()
    .describe('only if host memory keeps evicted blocks'),
  failures: z
    .strictObject({
      failures: count.describe('failures of replicas'),
      retried: count.describe('requests that a failed replica had and that were sent again'),
      retries: count.describe('how often requests were sent again'),
      failed: count.describe('requests that failed with their replica, or found none'),
      lostTokens: count.describe('tokens in failed caches whose requests had not ended'),
      downSeconds: secondsField.describe('seconds, summed over replicas, since the start of the run'),
      downShare: share.describe('share of the time in which a replica is down'),
    })
    .optional()
    .describe('only if replicas may fail'),
  disaggregation: z
    .strictObject({
      decodeQueue: statistics.describe('from the end of the prefill until the decode replica has memory'),
      transfer: statistics.describe('until the blocks have arrived'),
      firstStep: statistics.describe('until the first token'),
      transferredBytes: z.number(),
      linkBusyShare: share.describe('of the prefill replicas'),
      prefill: pool,
      decode: pool,
    })
    .nullable()
    .describe('null if each replica prefills and decodes'),
  cost: z
    .strictObject({ perHourUsd: z.number(), perMillionOutputUsd: z.number() })
    .nullable()
    .describe('null if the device has no price'),
  energy: z
    .strictObject({
      watts: z.number().describe('mean power of all devices, building included'),
      joulesPerRequest: z.number(),
      joulesPerThousandOutput: z.number().describe('per 1,000 output tokens, prompts included'),
      gramsPerRequest: z.number().nullable().describe('CO2 equivalent; null without a region'),
      gramsPerThousandOutput: z.number().nullable(),
    })
    .nullable()
    .describe('null if the device has no known power'),
  slo: z.array(
    z.strictObject({
      name: z.string(),
      limitSeconds: secondsField,
      seconds: secondsField.nullable(),
      holds: z.boolean(),
    }),
  ),
  assert: z.array(
    z.strictObject({
      metric: z.string(),
      min: z.number().nullable(),
      max: z.number().nullable(),
      value: z.number().nullable(),
      holds: z.boolean(),
    }),
  ),
});

export type SimulateAnswer = z.output<typeof simulateSchema>;
