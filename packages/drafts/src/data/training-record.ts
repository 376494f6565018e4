/**
 * One line of a data set. Three forms are read:
 *
 *   {"conversations": [{"role": "user", "content": "..."}, ...]}     also with the keys `messages`, or `from` and `value`
 *   {"text": "<|im_start|>user ..."}                                 already rendered by the model's chat template
 *   {"input_ids": [1, 2, 3], "loss_mask": [0, 1, 1]}                 already encoded
 *
 * Other keys are allowed, because published data sets carry labels and scores of their own.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import { z } from 'zod';

/** Roles that training distinguishes. */
export type TurnRole = 'system' | 'user' | 'assistant' | 'tool';

export interface Turn {
  readonly role: TurnRole;
  readonly content: string;
}

export type TrainingRecord =
  | {
      readonly kind: 'conversation';
      readonly id: string | null;
      readonly turns: readonly Turn[];
      /** True if a limit of tokens has cut off the last answer: the target has not ended it. */
      readonly isCut: boolean;
    }
  | { readonly kind: 'text'; readonly id: string | null; readonly text: string }
  | {
      readonly kind: 'tokens';
      readonly id: string | null;
      readonly inputIds: readonly number[];
      readonly lossMask: readonly number[];
    };

/** Names of roles in published data sets. */
const roleNames = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  model: 'assistant',
  tool: 'tool',
  observation: 'tool',
} as const satisfies Readonly<Record<string, TurnRole>>;

const role = z.enum(Object.keys(roleNames) as (keyof typeof roleNames)[]);
const id = z
  .union([z.string().max(200), z.int()])
  .nullish()
  .transform((value) => (value == null ? null : String(value)));
const turn = z
  .preprocess(
    (value) => renamedKeys(value, { from: 'role', value: 'content' }),
    z.object({ role, content: z.string() }),
  )
  .transform(({ role: name, content }): Turn => ({ role: roleNames[name], content }));
const turns = z.array(turn).min(1).max(10_000);
const tokenIds = z.array(z.int().nonnegative()).min(1);

const conversation = z
  .preprocess(
    (value) => renamedKeys(value, { messages: 'conversations' }),
    z.object({ id, conversations: turns, is_cut: z.boolean().optional() }),
  )
  .transform(
    ({ id: own, conversations, is_cut: isCut = false }): TrainingRecord => ({
      ...{ kind: 'conversation', id: own, turns: conversations, isCut },
    }),
  );
const text = z
  .object({ id, text: z.string().min(1) })
  .transform((record): TrainingRecord => ({ kind: 'text', ...record }));
const tokens = z
  .object({ id, input_ids: tokenIds, loss_mask: z.array(z.int().min(0).max(1)) })
  .refine(({ input_ids: ids, loss_mask: mask }) => ids.length === mask.length, {
    message: 'input_ids and loss_mask have one entry per token each',
    path: ['loss_mask'],
  })
  .transform(
    ({ id: own, input_ids: inputIds, loss_mask: lossMask }): TrainingRecord => ({
      ...{ kind: 'tokens', id: own, inputIds, lossMask },
    }),
  );

/** Chosen by the keys of the record, so that an error names a field of this form and not of the others. */
const forms: readonly { readonly keys: readonly string[]; readonly schema: z.ZodType<TrainingRecord> }[] = [
  { keys: ['input_ids', 'loss_mask'], schema: tokens },
  { keys: ['conversations', 'messages'], schema: conversation },
  { keys: ['text'], schema: text },
];

/** The place of a record, for errors. */
export interface LinePlace {
  readonly file: string;
  /** The first line has number 1. */
  readonly line: number;
}

/** Reads one line. Throws `bad-data-line`. */
export function parseTrainingRecord(json: string, place: LinePlace): TrainingRecord {
  const value = parsedJson(json, place);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badLine(place, 'the line is no JSON object', jsonPreview(value));
  const form = forms.find(({ keys }) => keys.some((key) => Object.hasOwn(value, key)));
  if (form === undefined)
    throw badLine(place, 'the record has none of the known keys', jsonPreview(Object.keys(value)));
  const result = form.schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).join('.');
  throw badLine(
    place,
    `${path === '' ? '' : `${path}: `}${issue?.message ?? 'unknown form'}`,
    jsonPreview(value),
  );
}

/** Gives other names of a key its usual name, so that an error names the one field that is wrong. */
function renamedKeys(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const renamed = { ...value } as Record<string, unknown>;
  for (const [name, usual] of Object.entries(names)) {
    if (!Object.hasOwn(renamed, name) || Object.hasOwn(renamed, usual)) continue;
    renamed[usual] = renamed[name];
  }
  return renamed;
}

function parsedJson(json: string, place: LinePlace): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw badLine(place, `the line is no JSON (${problem})`, jsonPreview(json));
  }
}

function badLine({ file, line }: LinePlace, problem: string, value: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-data-line',
    message: `${file}, line ${line}: ${problem}`,
    value,
    limit: 'an object with "conversations", "text", or "input_ids" and "loss_mask"',
    hint: 'write one JSON object per line; `jq -c ".[]"` turns a JSON array into such lines',
  });
}
