/** One prompt of a run's plan: the unit of work that a producer leases, captures and commits as one sample. */
import { z } from 'zod';
import { parseControlData } from './control-data.ts';
import { type TargetIdentity, targetSchema } from './sample-ref.ts';

export interface PromptTask {
  readonly runId: string;
  readonly taskId: string;
  /** Position in the run's prompt plan. Samples are trained in this order, whatever order producers finish in. */
  readonly planIndex: number;
  /** The line or record of the data set that the prompt comes from. */
  readonly sourceId: string;
  readonly inputIds: readonly number[];
  /** 1 for each token that the loss counts. */
  readonly lossMask: readonly number[];
  readonly tokensMax: number;
  readonly chatTemplate: string | null;
  readonly target: TargetIdentity;
  readonly tokenizerVersion: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Tokens of one prompt; longer contexts are cut by `tokensMax` first. */
const tokensLimit = 1_048_576;
const count = z.int().nonnegative();

const promptTaskSchema = z
  .strictObject({
    runId: z.string().min(1).max(60),
    taskId: z.string().min(1).max(59),
    planIndex: count,
    sourceId: z.string().max(500),
    inputIds: z.array(count).min(1).max(tokensLimit),
    lossMask: z.array(z.int().min(0).max(1)).max(tokensLimit),
    tokensMax: z.int().positive().max(tokensLimit),
    chatTemplate: z.string().max(200).nullable(),
    target: targetSchema,
    tokenizerVersion: z.string().max(200),
    metadata: z.record(z.string(), z.unknown()),
  })
  .refine(({ inputIds, lossMask }) => inputIds.length === lossMask.length, {
    message: 'the loss mask has one entry per token',
    path: ['lossMask'],
  })
  .refine(({ inputIds, tokensMax }) => inputIds.length <= tokensMax, {
    message: 'the prompt has at most tokensMax tokens',
    path: ['inputIds'],
  })
  .refine(({ lossMask }) => lossMask.includes(1), {
    message: 'the loss mask selects at least one token: a mask of zeros trains nothing',
    path: ['lossMask'],
  });

/** Checks a task. Throws `bad-prompt-task` or `tensor-in-control-plane`. */
export function parsePromptTask(value: unknown): PromptTask {
  return parseControlData(promptTaskSchema, value, {
    code: 'bad-prompt-task',
    name: 'prompt task',
    openFields: ['metadata'],
  });
}
