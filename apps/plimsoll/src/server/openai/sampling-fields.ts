/** The fields of a generation that all of OpenAI's text APIs share: their schema, and the engine's parameters. */
import { z } from 'zod';
import type { GenerationInput } from '../core/generations.ts';
import { InvalidField } from '../http/request-errors.ts';

const tokenCount = z.int().min(1).max(10_000_000);
const stopText = z.string().min(1).max(1000);

export const samplingFields = {
  model: z.string().nullish().describe('A name that the server serves. Default: its model.'),
  temperature: z.number().min(0).max(100).nullish().describe('0 is greedy. Default 0.8.'),
  top_p: z.number().min(0).max(1).nullish().describe('Default 0.95.'),
  top_k: z.int().min(-1).max(1_000_000).nullish().describe('0 or -1 keeps all tokens. Default 40.'),
  min_p: z.number().min(0).max(1).nullish().describe('Default 0.05.'),
  typical_p: z.number().min(0).max(1).nullish().describe('Default 1.'),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  repetition_penalty: z.number().min(0.001).max(1000).nullish().describe('1 is off.'),
  seed: z.int().nullish().describe('Default: a random seed.'),
  logit_bias: z
    .record(z.string(), z.number().min(-100).max(100))
    .nullish()
    .describe('Added to the logits of token ids; -100 forbids a token.'),
  stop: z.union([stopText, z.array(stopText).max(16)]).nullish(),
  n: z.int().min(1).max(128).nullish(),
  max_tokens: tokenCount.nullish().describe('Default: the rest of the context.'),
  ignore_eos: z.boolean().nullish().describe('End tokens of the model do not end the answer.'),
  priority: z.int().min(-1000).max(1000).nullish().describe('A lower number is served earlier. Default 0.'),
  cache_salt: z
    .string()
    .min(1)
    .max(256)
    .nullish()
    .describe('Requests share cached prompts only with requests of the same salt.'),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  user: z.string().max(1000).nullish().describe('Has no effect.'),
} as const;

const samplingRequest = z.object(samplingFields);
export type SamplingFields = z.infer<typeof samplingRequest>;

export type CommonInput = Omit<GenerationInput, 'prompt' | 'grammar'>;

/** Maps the shared fields. `logprobs` is the number of alternatives to report, or null for none. */
export function commonInput(body: SamplingFields, logprobs: number | null, vocabSize: number): CommonInput {
  const { stop } = body;
  return {
    choices: body.n ?? 1,
    stop: stop == null ? [] : typeof stop === 'string' ? [stop] : stop,
    sampling: samplingOf(body, logprobs, vocabSize),
    ...(body.max_tokens != null && { maxTokens: body.max_tokens }),
    ...(body.ignore_eos === true && { ignoreEnd: true }),
    // The engine serves larger priorities earlier.
    ...(body.priority != null && { priority: -body.priority }),
    ...(body.cache_salt != null && { cacheSalt: body.cache_salt }),
  };
}

function samplingOf(
  body: SamplingFields,
  logprobs: number | null,
  vocabSize: number,
): NonNullable<GenerationInput['sampling']> {
  return {
    logprobs,
    ...(body.temperature != null && { temperature: body.temperature }),
    ...(body.top_p != null && { topP: body.top_p }),
    ...(body.top_k != null && { topK: Math.max(0, body.top_k) }),
    ...(body.min_p != null && { minP: body.min_p }),
    ...(body.typical_p != null && { typicalP: body.typical_p }),
    ...(body.frequency_penalty != null && { frequencyPenalty: body.frequency_penalty }),
    ...(body.presence_penalty != null && { presencePenalty: body.presence_penalty }),
    ...(body.repetition_penalty != null && { repetitionPenalty: body.repetition_penalty }),
    ...(body.seed != null && { seed: body.seed }),
    ...(body.logit_bias != null && { logitBias: logitBiasOf(body.logit_bias, vocabSize) }),
  };
}

/** OpenAI documents -100 as a ban. */
const banBias = -100;

function logitBiasOf(
  given: Readonly<Record<string, number>>,
  vocabSize: number,
): ReadonlyMap<number, number> {
  const biases = new Map<number, number>();
  for (const [key, bias] of Object.entries(given)) {
    const token = Number(key);
    if (!/^\d+$/.test(key) || token >= vocabSize) {
      throw new InvalidField(
        'logit_bias',
        `"${key.slice(0, 40)}" is not a token id from 0 to ${vocabSize - 1}`,
      );
    }
    biases.set(token, bias === banBias ? Number.NEGATIVE_INFINITY : bias);
  }
  return biases;
}
