/**
 * The schema of a scenario: one YAML file that names a model, devices, an engine, a workload and what to expect of them.
 * Unknown keys are errors. Times are seconds as numbers, or text with a unit: 500ms, 20s, 2min, 1h.
 */
import { parseBytes } from '@plimsoll/foundation';
import { z } from 'zod';
import { lostRequestRules } from '../failures/lost-request-rules.ts';
import { routerNames } from '../routers.ts';

const durationForm = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h)\s*$/;
const durationUnits: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 };

const duration = z
  .union([z.number().positive(), z.string().regex(durationForm, 'a time such as 500ms, 20s, 2min or 1h')])
  .describe('seconds, or text with a unit: 500ms, 20s, 2min, 1h');

/** Reads a time that the schema has accepted. */
export function durationSeconds(value: number | string): number {
  if (typeof value === 'number') return value;
  const [, digits, unit = 's'] = durationForm.exec(value) ?? [];
  return Number(digits) * (durationUnits[unit] ?? 1);
}

const count = z.int().positive().max(1e9);
const tokens = z.int().positive().max(1e8);

/** A whole number from `least` on, or a distribution of it. */
function wholeNumbers(least: number, words: string) {
  const whole = z.int().min(least).max(1e8);
  const range = { min: whole.optional(), max: whole.optional() };
  const inOrder = ({ min = least, max = Infinity }: { min?: number | undefined; max?: number | undefined }) =>
    min <= max;
  return z
    .union([
      whole,
      z
        .strictObject({
          uniform: z.strictObject({ min: whole, max: whole }).refine(inOrder, 'min is above max').optional(),
          lognormal: z
            .strictObject({ ...lognormalFields, ...range })
            .refine(inOrder, 'min is above max')
            .optional(),
          exponential: z
            .strictObject({ mean: z.number().positive(), ...range })
            .refine(inOrder, 'min is above max')
            .optional(),
          empirical: z.array(whole).min(1).max(1e6).optional(),
        })
        .refine((kinds) => namedOnce(kinds), 'exactly one of uniform, lognormal, exponential, empirical'),
    ])
    .describe(`${words}: a number, or one distribution`);
}

const lognormalFields = {
  median: z.number().positive(),
  sigma: z.number().nonnegative().max(5).describe('standard deviation of the logarithm'),
};

const lengths = wholeNumbers(1, 'tokens');

/** A time, or a distribution of it. */
const times = z
  .union([
    duration,
    z
      .strictObject({
        lognormal: z
          .strictObject({ ...lognormalFields, median: duration, max: duration.optional() })
          .optional(),
        exponential: z.strictObject({ mean: duration, max: duration.optional() }).optional(),
        empirical: z
          .array(z.union([duration, z.literal(0)]))
          .min(1)
          .max(1e6)
          .optional(),
      })
      .refine((kinds) => namedOnce(kinds), 'exactly one of lognormal, exponential, empirical'),
    z.literal(0),
  ])
  .describe('a time, or one distribution of it');

const arrivals = z
  .strictObject({
    poisson: z.strictObject({ rate: z.number().positive().max(1e6) }).optional(),
    gamma: z
      .strictObject({
        rate: z.number().positive().max(1e6),
        burstiness: z
          .number()
          .min(0.05)
          .max(20)
          .describe('coefficient of variation of the gaps; 1 is Poisson'),
      })
      .optional(),
    trace: z
      .strictObject({
        file: z.string().min(1).describe('path, relative to the working directory'),
        rate: z
          .number()
          .positive()
          .max(1e6)
          .optional()
          .describe('requests, or conversations, that start per second, in place of the recorded times'),
        clients: count
          .max(1e6)
          .optional()
          .describe('clients that replay one conversation after another, in place of the recorded times'),
      })
      .refine(({ rate, clients }) => rate === undefined || clients === undefined, 'rate or clients, not both')
      .optional(),
    closed: z.strictObject({ clients: count.max(1e6), think: times.optional() }).optional(),
  })
  .refine((kinds) => namedOnce(kinds), 'exactly one of poisson, gamma, closed, trace');

function namedOnce(kinds: Readonly<Record<string, unknown>>): boolean {
  return Object.values(kinds).filter((value) => value !== undefined).length === 1;
}

const session = z
  .strictObject({
    turns: wholeNumbers(1, 'turns of the user in a session'),
    prompt: lengths.describe('new tokens of each turn after the first'),
    think: times.default(0).describe('from an answer to the next turn: a time, or one distribution of it'),
    tools: z
      .strictObject({
        calls: wholeNumbers(0, 'calls in a turn, one after another'),
        output: lengths.optional().describe('tokens of a call; default: as other answers'),
        result: lengths.describe('tokens of a result, which the next prompt brings'),
        wait: times.describe('from a call to its result: a time, or one distribution of it'),
      })
      .optional()
      .describe('tools that an agent calls before it answers a turn'),
    contextMax: tokens.optional().describe('a session ends before a request that would be longer'),
  })
  .describe('later requests of a session: the conversation so far, and new tokens');

const workload = z
  .strictObject({
    arrivals,
    requests: count
      .max(1e8)
      .optional()
      .describe('number of requests, those of all turns; default for a trace: all of them'),
    prompt: lengths.optional().describe('prompt tokens, the shared prefix included; of a session: its first'),
    output: lengths.optional().describe('output tokens'),
    prefix: z
      .strictObject({ tokens, groups: count.max(1e6).default(1) })
      .optional()
      .describe('tokens at the start of each prompt that requests of one group share'),
    session: session.optional(),
    seed: z
      .int()
      .nonnegative()
      .max(2 ** 31 - 1)
      .default(1),
  })
  .superRefine(({ arrivals: { trace }, prompt, output, requests, session: turns, prefix }, context) => {
    for (const [name, value] of Object.entries({ prompt, output, requests })) {
      if (trace === undefined && value === undefined) {
        context.addIssue({ code: 'custom', path: [name], message: 'is missing' });
      }
      if (trace !== undefined && value !== undefined && name !== 'requests') {
        context.addIssue({ code: 'custom', path: [name], message: 'a trace has its own lengths' });
      }
    }
    for (const [name, value] of Object.entries({ session: turns, prefix })) {
      if (trace === undefined || value === undefined) continue;
      context.addIssue({ code: 'custom', path: [name], message: 'a trace has its own' });
    }
  });

/** Figures that have an SLO: a time and a statistic of it. */
export const sloFigures = ['ttft', 'itl', 'tpot', 'e2e', 'queue', 'token-gap'] as const;
export const sloStatistics = ['mean', 'p50', 'p90', 'p99'] as const;
const sloForm: RegExp = new RegExp(`^(${sloFigures.join('|')})-(${sloStatistics.join('|')})$`);

export const sloSchema = z
  .record(
    z
      .string()
      .regex(
        sloForm,
        `a figure with its statistic, such as ttft-p99: ${sloFigures.join(', ')} with -mean, -p50, -p90 or -p99`,
      ),
    duration,
  )
  .describe('limits, such as ttft-p99: 500ms');

const assertion = z
  .strictObject({
    metric: z.string().describe('a path in the report, such as ttft.p99 or requests.completed'),
    min: z.union([z.number(), duration]).optional(),
    max: z.union([z.number(), duration]).optional(),
  })
  .refine(({ min, max }) => min !== undefined || max !== undefined, 'an assertion has min, max, or both');

const share = z.number().min(0).max(1);

const energy = z
  .strictObject({
    powerShare: share.default(1).describe('power of a device that computes, over that of its data sheet'),
    idleShare: share
      .optional()
      .describe('power of a device that waits, over that of its data sheet; default: powerShare'),
    otherPower: z
      .number()
      .nonnegative()
      .max(100_000)
      .default(0)
      .describe('watts of processors, fans and network for each device'),
    pue: z.number().min(1).max(5).default(1).describe('energy of the building over that of its machines'),
    region: z.string().min(1).optional().describe('where the devices are, for the carbon of the electricity'),
  })
  .describe('power for the energy of the report; the default is the most that the devices draw');

const speculation = z
  .strictObject({
    draft: z
      .string()
      .min(1)
      .optional()
      .describe('the draft model; default: drafts from the prompt, at no cost'),
    tokens: z.int().min(1).max(32).describe('drafts of a sequence in a step'),
    acceptance: z
      .union([share, z.array(share).min(1).max(32)])
      .describe('chance that a draft is accepted if those before it are: one number, or a list by position'),
  })
  .refine(
    ({ tokens: drafts, acceptance }) => typeof acceptance === 'number' || acceptance.length <= drafts,
    'acceptance has more positions than there are drafts',
  )
  .describe('speculative decoding');

const layout = z.strictObject({
  tp: count.max(1024).default(1),
  pp: count.max(1024).default(1),
  dp: count.max(1024).default(1),
  ep: z.boolean().default(false),
});

const pool = z.strictObject({
  replicas: count.max(65_536),
  hardware: z.string().min(1).optional().describe('default: hardware of the scenario'),
  layout: layout.optional().describe('devices of one replica; default: layout of the scenario'),
});

/** Kinds of links of the registry's devices. */
const linkKinds = ['nvlink', 'nvlink-c2c', 'pcie', 'xgmi', 'ici', 'roce', 'neuronlink', 'fabric'] as const;

const disaggregation = z
  .strictObject({
    prefill: pool,
    decode: pool,
    link: z
      .strictObject({
        kind: z
          .enum(linkKinds)
          .default('pcie')
          .describe('link of both devices, with its rate in the registry'),
        bandwidth: z
          .number()
          .positive()
          .max(1e15)
          .optional()
          .describe('bytes per second of one device in one direction, in place of the registry'),
        latency: z
          .union([z.literal(0), duration])
          .default('1ms')
          .describe('from the request to the first byte'),
      })
      .default({ kind: 'pcie', latency: '1ms' }),
  })
  .describe('replicas that prefill, replicas that decode, and the link that brings the KV cache');

const failures = z
  .strictObject({
    meanTimeBetween: duration
      .refine((time) => durationSeconds(time) >= 1, 'at least 1 second')
      .optional()
      .describe('mean time that a replica runs until it fails, exponentially distributed'),
    at: z
      .array(
        z.strictObject({
          replica: z.int().nonnegative().max(65_535).describe('number of the replica, from 0'),
          time: z.union([z.literal(0), duration]).describe('since the start of the run'),
        }),
      )
      .min(1)
      .max(10_000)
      .optional()
      .describe('failures at known times'),
    restart: z
      .union([z.literal(0), duration])
      .optional()
      .describe(
        'from a failure until the replica takes requests; default: its weights over the link to the host, the least that a start takes',
      ),
    requests: z
      .enum(lostRequestRules)
      .default('retry')
      .describe('those of a failed replica are computed again from their prompts, or fail'),
  })
  .refine(
    ({ meanTimeBetween, at }) => meanTimeBetween !== undefined || at !== undefined,
    'meanTimeBetween, at, or both',
  )
  .describe('replicas that fail and restart');

const hostBytesMax = 1e15;

function isBytes(text: string): boolean {
  try {
    return parseBytes(text) <= hostBytesMax;
  } catch {
    return false;
  }
}

const hostCache = z
  .strictObject({
    bytes: z
      .union([z.number().nonnegative().max(hostBytesMax), z.string().refine(isBytes, 'bytes such as 64GiB')])
      .describe('host memory of a replica: bytes, or text such as 64GiB; 0 for none'),
    bandwidth: z
      .number()
      .positive()
      .max(1e15)
      .optional()
      .describe('bytes per second from host memory to one device; default: the link of the registry'),
    latency: z
      .union([z.literal(0), duration])
      .default('100us')
      .describe('from the request to the first byte'),
  })
  .describe('host memory that keeps evicted blocks of the prefix cache');

export const scenarioSchema = z
  .strictObject({
    model: z.string().min(1).describe('registry name, Hugging Face id or file'),
    hardware: z.string().min(1).describe('registry name of the device'),
    count: count.max(65_536).default(1).describe('devices; count / (tp x pp x dp) replicas'),
    disaggregation: disaggregation.optional(),
    layout: layout.default({ tp: 1, pp: 1, dp: 1, ep: false }).describe('devices of one replica'),
    engine: z.string().optional().describe('default: the usual engine of model and device'),
    weights: z.string().optional(),
    kv: z.string().optional(),
    context: z.union([tokens, z.string()]).optional().describe('longest sequence that the engine accepts'),
    options: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .optional()
      .describe("the engine's own options by the names of plimsoll plan, such as max-num-seqs: 64"),
    limits: z
      .strictObject({
        maxSeqs: count.optional().describe('sequences at once in a replica'),
        batchedTokens: tokens.optional().describe("tokens in a step; default: the engine's own"),
      })
      .default({}),
    speculation: speculation.optional(),
    failures: failures.optional(),
    hostCache: hostCache.optional(),
    prefixCaching: z.boolean().default(true),
    router: z.enum(routerNames).default('round-robin'),
    frontEnd: z
      .union([z.literal(0), duration])
      .optional()
      .describe('time of a request before it reaches the scheduler'),
    workload,
    slo: sloSchema.optional(),
    cost: z.strictObject({ perHourUsd: z.number().positive().describe('of one device') }).optional(),
    energy: energy.prefault({}),
    assert: z.array(assertion).max(100).optional(),
    simulatedTimeMax: duration.default('24h').describe('the run ends at this simulated time'),
  })
  .superRefine((scenario, context) => {
    const refuse = (name: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [name], message });
    if (scenario.hostCache !== undefined && !scenario.prefixCaching) {
      refuse('hostCache', 'without prefixCaching no block is cached');
    }
    if (scenario.disaggregation === undefined) return;
    if (scenario.count !== 1) refuse('count', 'the pools of disaggregation have replicas');
    if (scenario.speculation !== undefined)
      refuse('speculation', 'drafts of a decode pool are not simulated');
    if (scenario.failures !== undefined) refuse('failures', 'failures of pools are not simulated');
    if (scenario.hostCache !== undefined) refuse('hostCache', 'host memory of pools is not simulated');
  });

export type Scenario = z.output<typeof scenarioSchema>;
export type ScenarioLengths = z.output<typeof lengths>;
export type ScenarioTimes = z.output<typeof times>;
export type ScenarioWorkload = z.output<typeof workload>;
