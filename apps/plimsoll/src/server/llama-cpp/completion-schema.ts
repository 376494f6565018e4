/** The request and the answers of `/completion` (llama.cpp, tools/server/README.md). */
import { z } from 'zod';
import { constraintFields } from '../openai/chat-schema.ts';
import { samplingFields } from '../openai/sampling-fields.ts';
import { generationSettingsSchema } from './generation-settings.ts';
import { promptsSchema, refusedList, refusedNumber } from './prompt-schema.ts';
import { timingsSchema } from './timings.ts';

const { temperature, top_p, top_k, min_p, typical_p, frequency_penalty, presence_penalty } = samplingFields;
const tokenLimit = z.int().min(-1).max(10_000_000).nullish();
const stopText = z.string().max(1000);
/** False forbids the token. */
const bias = z.union([z.number().min(-1000).max(1000), z.literal(false)]);
const biasesMax = 10_000;

export const completionRequestSchema = z
  .object({
    prompt: promptsSchema.describe(
      'A text, a list of token ids and texts, an object with prompt_string, or a list of these. Control tokens are read.',
    ),
    n_predict: tokenLimit.describe('Most tokens of the answer. -1, the default: the rest of the context.'),
    max_tokens: tokenLimit.describe('Another name of n_predict.'),
    ...{ temperature, top_p, top_k, min_p, typical_p, frequency_penalty, presence_penalty },
    repeat_penalty: samplingFields.repetition_penalty,
    repeat_last_n: z
      .int()
      .min(-1)
      .max(2 ** 31 - 1)
      .nullish()
      .describe('Recent tokens that the penalties count; 0 none, -1 all. Default 64.'),
    mirostat: z
      .union([z.literal(0), z.literal(2)])
      .nullish()
      .describe('2: Mirostat 2.0; the cuts are off then.'),
    mirostat_tau: z.number().min(0).max(100).nullish().describe('Default 5.'),
    mirostat_eta: z.number().min(0).max(1).nullish().describe('Default 0.1.'),
    seed: z.int().nullish().describe('Default: a random seed, also for a negative number.'),
    logit_bias: z
      .union([
        z.array(z.tuple([z.union([z.int().nonnegative(), z.string().max(1000)]), bias])).max(biasesMax),
        z.record(z.string().max(1000), bias),
      ])
      .nullish()
      .describe('Added to the logits of token ids, or of all tokens of a text; false forbids them.'),
    stop: z.union([stopText, z.array(stopText).max(16)]).nullish(),
    ignore_eos: z
      .boolean()
      .nullish()
      .describe('Forbids the end tokens of the model, unless there is a grammar.'),
    n_probs: z.int().min(0).max(128).nullish().describe('Alternatives with log-probabilities. Default 0.'),
    n_cmpl: samplingFields.n.describe('Answers to each prompt.'),
    ...constraintFields,
    cache_prompt: z.boolean().nullish().describe('False: computes the whole prompt. Default true.'),
    return_tokens: z.boolean().nullish().describe('The answer has its token ids. A stream always has them.'),
    timings_per_token: z.boolean().nullish(),
    response_fields: z
      .array(z.string().max(200))
      .max(100)
      .nullish()
      .describe('Fields of the whole answer; generation_settings/seed takes a field out of an object.'),
    stream: samplingFields.stream,
    model: samplingFields.model,
    priority: samplingFields.priority,
    cache_salt: samplingFields.cache_salt,
    ...{ dynatemp_range: refusedNumber, xtc_probability: refusedNumber, dry_multiplier: refusedNumber },
    ...{ t_max_predict_ms: refusedNumber, n_indent: refusedNumber, top_n_sigma: refusedNumber },
    ...{ lora: refusedList, samplers: refusedList },
    post_sampling_probs: z.literal(false, 'the server does not support it').nullish(),
    return_progress: z.literal(false, 'the server does not support it').nullish(),
  })
  .meta({ id: 'NativeCompletionRequest' });

export type CompletionRequest = z.infer<typeof completionRequestSchema>;

const count = z.int().nonnegative();
const scored = { id: z.int(), token: z.string(), bytes: z.array(z.int()), logprob: z.number() };
const tokenScore = z.object({ ...scored, top_logprobs: z.array(z.object(scored)) });
export type TokenScore = z.infer<typeof tokenScore>;

const shared = {
  index: count.describe('Place of the answer among those of the request.'),
  content: z.string(),
  tokens: z.array(z.int()),
  tokens_predicted: count,
  tokens_evaluated: count.describe('Tokens of the prompt.'),
  completion_probabilities: z.array(tokenScore).optional(),
};

const wholeCompletion = z.object({
  ...shared,
  stop: z.literal(true),
  model: z.string(),
  generation_settings: generationSettingsSchema,
  prompt: z.string().describe('The text of the prompt tokens.'),
  has_new_line: z.boolean(),
  truncated: z.boolean().describe('The context was full before the answer had all its tokens.'),
  stop_type: z.enum(['eos', 'limit', 'word']),
  stopping_word: z.string().describe('The stop text that ended the answer; empty if there was none.'),
  tokens_cached: count.describe('Prompt tokens from the cache.'),
  timings: timingsSchema,
});
export type WholeCompletion = z.infer<typeof wholeCompletion>;

/** `response_fields` may leave every field out and add others. */
const chosenFields = z.record(z.string(), z.unknown());

export const completionResponseSchema = z
  .union([wholeCompletion, chosenFields, z.array(z.union([wholeCompletion, chosenFields]))])
  .meta({ id: 'NativeCompletion', description: 'A list for several prompts or answers.' });

const partialCompletion = z.object({ ...shared, stop: z.literal(false), timings: timingsSchema.optional() });
export type PartialCompletion = z.infer<typeof partialCompletion>;

export const completionEventSchema = z.union([partialCompletion, wholeCompletion, chosenFields]).meta({
  id: 'NativeCompletionEvent',
  description: 'The next tokens of an answer; the last event has stop: true.',
});
