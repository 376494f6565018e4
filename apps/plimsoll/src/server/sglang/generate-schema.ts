/** The request and the answers of SGLang's `/generate` (managers/io_struct.py, sampling/sampling_params.py). */
import { z } from 'zod';
import { samplingFields } from '../openai/sampling-fields.ts';
import { specCaptureSchema } from './spec-capture-schema.ts';

/** Each prompt is a request to the engine. */
const promptsMax = 128;
const tokenIds = z.array(z.int().nonnegative()).min(1);
const refusedText = z.string().max(0, 'the server does not support it').nullish();
const refusedList = z.array(z.unknown()).max(0, 'the server does not support it').nullish();

function oneOrEach<Value extends z.ZodType>(value: Value) {
  return z.union([value, z.array(value).min(1).max(promptsMax)]);
}

const { temperature, top_p, min_p, frequency_penalty, presence_penalty, repetition_penalty } = samplingFields;

const samplingParams = z.object({
  ...{ temperature, top_p, min_p, frequency_penalty, presence_penalty, repetition_penalty },
  top_k: z
    .int()
    .min(-1)
    .max(2 ** 31)
    .nullish()
    .describe('0 or -1 keeps all tokens. Default 40.'),
  max_new_tokens: z
    .int()
    .min(0)
    .max(10_000_000)
    .nullish()
    .describe('Default 128. 0 computes the prompt alone.'),
  stop: samplingFields.stop,
  n: samplingFields.n,
  ignore_eos: samplingFields.ignore_eos,
  logit_bias: samplingFields.logit_bias,
  sampling_seed: z.int().nullish(),
  json_schema: z.string().nullish().describe('JSON schema of the answer, as a text.'),
  regex: refusedText,
  ebnf: refusedText,
  structural_tag: refusedText,
  stop_token_ids: refusedList,
  stop_regex: z.union([refusedText, refusedList]),
  min_new_tokens: z.int().max(0, 'the server does not support it').nullish(),
});

export type SamplingParams = z.infer<typeof samplingParams>;

export const generateRequestSchema = z
  .object({
    text: oneOrEach(z.string())
      .nullish()
      .describe('One or several prompts. Control tokens in them are tokens.'),
    input_ids: z
      .union([tokenIds, z.array(tokenIds).min(1).max(promptsMax)])
      .nullish()
      .describe('Token ids instead of text.'),
    sampling_params: oneOrEach(samplingParams).nullish(),
    return_logprob: oneOrEach(z.boolean()).nullish(),
    logprob_start_len: oneOrEach(z.int().min(-1))
      .nullish()
      .describe('First prompt token with a log-probability. Default -1: tokens of the answer alone.'),
    top_logprobs_num: oneOrEach(z.int().min(0).max(20)).nullish(),
    return_text_in_logprobs: z.boolean().nullish(),
    stream: z.boolean().nullish().describe('Events with the whole answer so far.'),
    return_hidden_states: oneOrEach(z.union([z.boolean(), z.literal('last')]))
      .nullish()
      .describe('Final states: one list per prompt token, then one per later step; last: the newest alone.'),
    spec_capture: oneOrEach(specCaptureSchema).nullish(),
    rid: oneOrEach(z.string().min(1).max(256)).nullish().describe('Id of the answer.'),
    extra_key: oneOrEach(z.string().max(256)).nullish().describe('Separates cached prompts.'),
    cache_salt: oneOrEach(z.string().max(256)).nullish().describe('Separates cached prompts.'),
    model: z.string().nullish().describe('A name that the server serves. Default: its model.'),
    input_embeds: refusedList,
    image_data: z.union([refusedText, refusedList]),
    audio_data: z.union([refusedText, refusedList]),
    video_data: z.union([refusedText, refusedList]),
    lora_path: z.union([refusedText, refusedList]),
    token_ids_logprob: refusedList,
    custom_logit_processor: z.union([refusedText, refusedList]),
  })
  .meta({ id: 'GenerateRequest' });

export type GenerateRequest = z.infer<typeof generateRequestSchema>;

const count = z.int().nonnegative();
const numbers = z.array(z.number());
/** Log-probability, token id, and the token's text if it was asked for. */
const logprob = z.tuple([z.number().nullable(), z.int(), z.string().nullable()]);

const generated = z.object({
  index: count.optional().describe('Place of the answer in a stream of several.'),
  text: z.string(),
  output_ids: z.array(z.int()),
  meta_info: z.object({
    id: z.string(),
    finish_reason: z
      .union([
        z.object({ type: z.literal('length'), length: count }),
        z.object({ type: z.literal('stop'), matched: z.union([z.int(), z.string()]).nullable() }),
      ])
      .nullable(),
    prompt_tokens: count,
    completion_tokens: count,
    cached_tokens: count,
    e2e_latency: z.number().describe('Seconds.').optional(),
    input_token_logprobs: z.array(logprob).optional(),
    output_token_logprobs: z.array(logprob).optional(),
    output_token_logprobs_length: count.optional(),
    input_top_logprobs: z.array(z.array(logprob).nullable()).optional(),
    output_top_logprobs: z.array(z.array(logprob).nullable()).optional(),
    hidden_states: z.array(z.union([numbers, z.array(numbers)])).optional(),
    spec_capture: z
      .object({
        ...{ sample_id: z.string(), store_id: z.string(), gen: z.int(), aux_layer_ids: z.array(z.int()) },
        features: z.record(
          z.string(),
          z.object({
            shape: z.array(count),
            dtype: z.enum(['float32', 'int64']),
            data: z.string().describe('Base64 of the little-endian numbers.'),
            sha256: z.string().describe('Of the bytes, in hexadecimal.'),
          }),
        ),
      })
      .optional(),
  }),
});

export type Generated = z.infer<typeof generated>;
export type LogprobEntry = z.infer<typeof logprob>;

export const generateEventSchema = generated.meta({ id: 'GenerateEvent' });

export const generateResponseSchema = z
  .union([generated, z.array(generated)])
  .meta({ id: 'GenerateAnswer', description: 'A list for several prompts or answers.' });
