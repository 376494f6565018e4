/** What `plimsoll features` is asked: a recipe in YAML with the names of the flags, and flags, which count first. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PlimsollError, parseBytes } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import { parse } from 'yaml';
import { z } from 'zod';

const count = z.int().positive().max(10_000_000);

export const featuresOptionsSchema = z.strictObject({
  target: z
    .string()
    .min(1)
    .describe('the frozen target: a .gguf file, a model directory, or hf:organisation/name'),
  data: z.string().min(1).describe('a file of JSON lines'),
  output: z.string().min(1).describe('a folder for features, refs.jsonl and run.json'),
  answers: z
    .enum(['target', 'data'])
    .default('target')
    .describe('target: regenerates the answers of the data'),
  answerTokens: count.default(256).describe('tokens of a regenerated answer'),
  temperature: z.number().min(0).max(5).default(0).describe('0: the most likely token each time'),
  seed: z.int().nonnegative().default(42),
  strategy: z
    .string()
    .min(1)
    .default('eagle3')
    .describe('the training algorithm that will read the features'),
  layers: z
    .array(z.int().nonnegative())
    .nullable()
    .default(null)
    .describe('null: 1, L/2 - 1 and L - 4 of L layers'),
  states: z.enum(['bf16', 'f32']).default('bf16'),
  maxLength: count.default(2048).describe('longer samples are cut'),
  minLength: count.default(8).describe('shorter samples are skipped'),
  maxPrompts: count.nullable().default(null),
  lastAnswer: z.boolean().default(false).describe('trains the last answer of a conversation alone'),
  skipFaults: z.boolean().default(false).describe('counts faulty lines instead of stopping'),
  disk: z.union([z.int().positive(), z.string().transform(parseBytes)]).default(64 * 1024 ** 3),
  parallel: count.max(64).default(4).describe('prompts that the target computes at the same time'),
});

export type FeaturesOptions = z.infer<typeof featuresOptionsSchema>;

/** Keys of a recipe that name files, relative to the recipe. */
const pathKeys = ['target', 'data', 'output'] as const;

/** Throws `recipe-not-read` or `bad-recipe`, which names the key. */
export function featuresOptions(
  recipe: string | undefined,
  flags: Readonly<Record<string, unknown>>,
): FeaturesOptions {
  const stated = recipe === undefined ? {} : readRecipe(recipe);
  const result = featuresOptionsSchema.safeParse({ ...stated, ...flags });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const key = unknown ?? issue?.path.join('.') ?? '';
  const isMissing = key !== '' && unknown === undefined && !Object.hasOwn({ ...stated, ...flags }, key);
  throw new PlimsollError({
    code: 'bad-recipe',
    message: `${recipe ?? 'the command line'}: ${isMissing ? `${key} is missing` : `${key}: ${issue?.message ?? 'unknown value'}`}`,
    value: jsonPreview(Object.entries({ ...stated, ...flags }).find(([name]) => name === key)?.[1]),
    limit: unknown === undefined ? issue?.message : Object.keys(featuresOptionsSchema.shape).join(', '),
    hint: isMissing ? `add --${key}` : 'plimsoll features --help lists the keys',
  });
}

function readRecipe(path: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new PlimsollError(
      {
        code: 'recipe-not-read',
        message: `the recipe ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        value: path,
        hint: 'name a YAML file',
      },
      { cause: error },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PlimsollError({
      code: 'bad-recipe',
      message: `the recipe ${path} has no keys`,
      value: jsonPreview(value),
      limit: Object.keys(featuresOptionsSchema.shape).join(', '),
      hint: 'write a line such as "data: prompts.jsonl"',
    });
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, besideRecipe(path, key, entry)]),
  );
}

function besideRecipe(recipe: string, key: string, value: unknown): unknown {
  const isPath =
    pathKeys.some((name) => name === key) && typeof value === 'string' && !value.startsWith('hf:');
  return isPath ? resolve(dirname(recipe), value) : value;
}
