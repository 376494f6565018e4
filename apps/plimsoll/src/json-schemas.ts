/**
 * The stable schemas of --json output, version 1. Tests parse real output with them, so that an added, renamed or
 * dropped field fails a test.
 */
import { engineNames } from '@plimsoll/planner/engines';
import { scenarioSchema } from '@plimsoll/simulator/scenario';
import { z } from 'zod';
import { deviceMemory } from './device-schema.ts';
import { featuresSchema } from './features/features-schema.ts';
import { explainLog } from './log-schema.ts';
import { optimizeSchema } from './optimize-schema.ts';
import { pullSchema } from './pull-schema.ts';
import { rankSchema } from './rank-schema.ts';
import { simulationSchemas } from './simulation-comparison.ts';
import { solveSchema } from './solve-schema.ts';
import { validateSchema } from './validate-schema.ts';
import { zooSchema } from './zoo-schema.ts';

const bytes = z.number().describe('bytes');
const secondsField = z.number().describe('seconds');
const count = z.int().nonnegative();

const derivation = z.strictObject({
  formula: z.string(),
  substituted: z.string(),
  source: z.string(),
  fitted: z.string().optional(),
});

const ledgerEntry = z.strictObject({
  category: z.enum([
    'weights',
    'kv-cache',
    'state',
    'activations',
    'workspace',
    'draft',
    'features',
    'runtime',
    'headroom',
  ]),
  tag: z.string(),
  tier: z.enum(['device', 'host']),
  bytes,
  derivation,
});

const engineFigures = z.strictObject({
  kvTokens: count,
  blocks: count,
  blockTokens: count,
  concurrency: z.number(),
});

const advice = z.strictObject({
  change: z.string(),
  flags: z.string(),
  cost: z.string(),
  users: count.describe('users that the change is planned for: those asked, or as many of them as it serves'),
  fits: z.boolean(),
  usersMax: count,
  contextMax: count,
  poolBytes: bytes,
  tpotSeconds: secondsField,
});

const plan = z.strictObject({
  model: z.strictObject({
    id: z.string(),
    family: z.string(),
    parameters: count,
    activeParameters: count,
    contextLength: count,
    weights: z.string(),
    kvCache: z.string(),
  }),
  hardware: z.strictObject({
    id: z.string(),
    name: z.string(),
    devices: count,
    nominalBytes: bytes,
    usableBytes: bytes,
    pricePerHourUsd: z.number().nullable(),
  }),
  engine: z.strictObject({
    name: z.enum(engineNames),
    version: z.string().nullable(),
    command: z.string().nullable(),
  }),
  workload: z.strictObject({
    contextTokens: count,
    users: count,
    promptTokens: count.optional(),
    cachedTokens: count.optional(),
  }),
  fits: z.boolean(),
  start: z
    .strictObject({
      starts: z.boolean(),
      reason: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
      fix: z.strictObject({ flags: z.string(), command: z.string().nullable() }).nullable(),
    })
    .describe(
      'whether the engine starts on what was asked, why not, and the smallest change that makes it start',
    ),
  spareBytes: bytes.describe(
    'bytes of the pool that stay free on one device; negative by how much is missing',
  ),
  ledger: z.strictObject({ entries: z.array(ledgerEntry) }).describe('one device, the fullest, and the host'),
  perDevice: z
    .array(deviceMemory)
    .nullable()
    .describe('every device, where the engine puts different parts on them'),
  capacity: z.strictObject({
    poolBytes: bytes,
    poolTokens: count,
    bytesPerToken: bytes,
    bytesPerUser: bytes,
    usersMax: count,
    contextMax: count,
    utilizationNeeded: z.number().nullable(),
    printed: engineFigures.nullable(),
    stateBlocks: count.nullable().describe('cache blocks that sequences with recurrent state share'),
  }),
  speed: z.strictObject({
    ttftSeconds: secondsField,
    promptTokens: count,
    tpotSeconds: secondsField,
    tokensPerSecond: z.number(),
    bound: z.enum(['memory', 'compute']),
  }),
  price: z
    .strictObject({
      perHourUsd: z.number(),
      perMillionOutputUsd: z.number(),
      countsPrompts: z.boolean().describe('whether the time that prompts take is in the price of output'),
    })
    .nullable(),
  advice: z.array(advice),
  notes: z.array(z.string()),
});

const audit = z.strictObject({
  devices: z.array(
    z.strictObject({
      name: z.string(),
      driver: z.string(),
      totalBytes: bytes,
      freeBytes: bytes,
      registryId: z.string().nullable(),
    }),
  ),
  processor: z.strictObject({ name: z.string(), threads: count }),
  memory: z.strictObject({ totalBytes: bytes, freeBytes: bytes, limitBytes: bytes.nullable() }),
});

const rate = z.number().describe('tokens per second');

const run = z.strictObject({
  model: z.string(),
  text: z.string(),
  end: z.enum(['stop', 'length', 'interrupted']),
  tokens: z.strictObject({
    prompt: count,
    cached: count.describe('tokens of the prompt found in the prefix cache'),
    output: count,
    dropped: count.describe('tokens that slid out of the context'),
    ids: z.array(count),
  }),
  timings: z.strictObject({
    loadSeconds: secondsField,
    firstTextSeconds: secondsField.nullable().describe('from the start of the process to the first text'),
    prefillSeconds: secondsField,
    decodeSeconds: secondsField,
    prefillTokensPerSecond: rate.nullable(),
    decodeTokensPerSecond: rate.nullable(),
  }),
  settings: z.strictObject({
    context: count,
    kvType: z.string(),
    threads: count,
    kernels: z.string(),
    seed: count,
    draft: z.string().nullable().describe('the draft model'),
    draftTokens: count,
  }),
  speculation: z
    .strictObject({
      steps: count.describe('steps that verified drafts'),
      drafted: count,
      accepted: count,
      acceptanceRate: z.number().nullable(),
      tokensPerStep: z.number().nullable(),
      rateByPlace: z
        .array(z.number())
        .describe('of the drafts accepted up to a place, the share accepted there'),
      reachedByPlace: z.array(count).describe('drafts accepted up to a place'),
    })
    .nullable()
    .describe('how drafts did; null where none were made'),
  memory: z.strictObject({
    limitBytes: bytes,
    limitSource: z.string(),
    heldBytes: bytes.describe('sum of the ledger without headroom'),
    residentBytes: bytes.describe('of the process, as the system counts it'),
    peakResidentBytes: bytes.describe('the most since the process started'),
    heapBytes: bytes.describe('of JavaScript, part of the resident bytes'),
    categories: z.partialRecord(ledgerEntry.shape.category, bytes),
    ledger: z.strictObject({ entries: z.array(ledgerEntry) }),
  }),
});

const bench = z.strictObject({
  model: z.string(),
  sizeBytes: bytes,
  parameters: count,
  backend: z.string().describe('the kernels that ran'),
  threads: count,
  kvType: z.string(),
  draft: z.string().nullable(),
  draftTokens: count,
  memory: z.strictObject({ limitBytes: bytes, heldBytes: bytes }),
  tests: z.array(
    z.strictObject({
      test: z.string().describe('pp: prompt processing, tg: text generation'),
      promptTokens: count,
      outputTokens: count,
      tokensPerSecond: z.strictObject({ mean: rate, deviation: rate }),
      runs: z.array(rate),
      steps: z
        .array(
          z.strictObject({
            kind: z.enum(['prefill', 'decode', 'mixed']),
            tokens: count.describe('of one step'),
            steps: count,
            measuredSeconds: z.number().describe('median of the steps'),
            predictedSeconds: z.number().describe("the planner's, at the speed of generic-cpu"),
          }),
        )
        .nullable()
        .describe('null without --steps'),
      draftTokensPerStep: z.number().nullable().describe('mean of the runs; null where nothing was drafted'),
    }),
  ),
  rows: z
    .array(
      z.strictObject({
        rows: count.describe('sequences of a step, one token each'),
        steps: count,
        stepSeconds: z.number().describe('median of the steps'),
        ratio: z.number().describe('relative to the first number of rows'),
      }),
    )
    .nullable()
    .describe('null without --rows'),
});

const scalar = z.union([z.string(), z.number(), z.boolean()]);

const inspect = z.strictObject({
  path: z.string(),
  format: z.string(),
  files: z.array(z.string()),
  problem: z.string().nullable().describe('why the architecture is not known'),
  metadata: z.record(
    z.string(),
    z.union([scalar, z.strictObject({ elementType: z.string(), length: count, first: z.array(scalar) })]),
  ),
  architecture: z
    .strictObject({
      family: z.string(),
      layers: count,
      hiddenSize: count,
      vocabSize: count,
      contextLength: count,
      tiedEmbeddings: z.boolean(),
      kinds: z.array(z.strictObject({ attention: z.string(), feedForward: z.string(), layers: count })),
      notModelled: z.array(z.string()),
    })
    .nullable(),
  tensorCount: count,
  elements: count,
  tensorBytes: bytes,
  types: z.array(z.strictObject({ type: z.string(), tensors: count, elements: count, bytes })),
  tensors: z
    .array(
      z.strictObject({
        name: z.string(),
        type: z.string(),
        shape: z.array(count),
        bytes,
        file: z.string(),
        offset: count,
      }),
    )
    .optional()
    .describe('with --tensors'),
});

const explain = z.strictObject({
  query: z.string(),
  results: z
    .array(
      z.strictObject({
        id: z.string().describe('record: system.memory, hardware.h100-sxm-80gb'),
        route: z.string().describe('address on the site'),
        title: z.string(),
        score: z.number().describe('greater is better; comparable within one answer only'),
      }),
    )
    .describe('best first'),
});

const error = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    value: z.union([z.string(), z.number()]).optional(),
    limit: z.union([z.string(), z.number()]).optional(),
    hint: z.string().optional(),
  }),
});

export const outputSchemas = {
  plan,
  compare: z.strictObject({ plans: z.array(plan) }),
  rank: rankSchema,
  solve: solveSchema,
  ...simulationSchemas,
  optimize: optimizeSchema,
  zoo: zooSchema,
  validate: validateSchema,
  audit,
  run,
  bench,
  inspect,
  pull: pullSchema,
  features: featuresSchema,
  explain,
  'explain-log': explainLog,
  error,
} as const;

const schemas = { ...outputSchemas, scenario: scenarioSchema } as const;

export const schemaNames: readonly string[] = Object.keys(schemas);

export function jsonSchemaOf(name: string): unknown {
  if (!Object.hasOwn(schemas, name)) return null;
  // A scenario is read, so its schema describes the file before defaults are filled in.
  return z.toJSONSchema(schemas[name as keyof typeof schemas], {
    io: name === 'scenario' ? 'input' : 'output',
  });
}
