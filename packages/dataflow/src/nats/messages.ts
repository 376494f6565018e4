/** Messages of the two work queues. */
import { z } from 'zod';
import { parseControlData } from '../contracts/control-data.ts';
import { parsePromptTask } from '../contracts/prompt-task.ts';
import { parseSampleRef, type SampleRef } from '../contracts/sample-ref.ts';
import type { LeasedPrompt } from '../control/prompt-queue.ts';

/** What a producer tells the controller. */
export type ProducerResult =
  | { readonly kind: 'sample'; readonly ref: SampleRef }
  | { readonly kind: 'failure'; readonly taskId: string; readonly reason: string };

const promptSchema = z.strictObject({ task: z.unknown(), attempt: z.int().positive() });
const resultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sample'), ref: z.unknown() }),
  z.strictObject({
    kind: z.literal('failure'),
    taskId: z.string().max(120),
    reason: z.string().max(10_000),
  }),
]);

/** Throws `bad-nats-message` or `bad-prompt-task`. */
export function readPrompt(data: Uint8Array): LeasedPrompt {
  const { task, attempt } = parseControlData(promptSchema, parseJson(data), messageError);
  return { task: parsePromptTask(task), attempt };
}

/** Throws `bad-nats-message` or `bad-sample-ref`. */
export function readResult(data: Uint8Array): ProducerResult {
  const result = parseControlData(resultSchema, parseJson(data), messageError);
  return result.kind === 'sample' ? { kind: 'sample', ref: parseSampleRef(result.ref) } : result;
}

/** `task` and `ref` have schemas of their own. */
const messageError = { code: 'bad-nats-message', name: 'message', openFields: [] };

/** Returns null, which no schema here accepts, for bytes that are no JSON. */
function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
  } catch {
    return null;
  }
}
