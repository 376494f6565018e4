/** The parameters of a generation, as `/completion` and `/props` report them. Every reported value is the one in use. */
import { z } from 'zod';

const number = z.number();

export const generationSettingsSchema = z.object({
  n_predict: z.int().describe('-1: the rest of the context.'),
  max_tokens: z.int().describe('The same number.'),
  seed: z.int().describe('-1: a new random seed for every request.'),
  temperature: number,
  top_k: z.int(),
  top_p: number,
  min_p: number,
  typical_p: number,
  repeat_last_n: z.int(),
  repeat_penalty: number,
  presence_penalty: number,
  frequency_penalty: number,
  mirostat: z.int(),
  mirostat_tau: number,
  mirostat_eta: number,
  n_probs: z.int(),
  ignore_eos: z.boolean(),
  logit_bias: z.array(
    z.object({ token: z.int(), bias: number.nullable().describe('null forbids the token.') }),
  ),
  stop: z.array(z.string()),
  grammar: z.string(),
  stream: z.boolean(),
  timings_per_token: z.boolean(),
});

export type GenerationSettings = z.infer<typeof generationSettingsSchema>;

/** llama.cpp's defaults, which are also those of `run` and `chat`. */
export const usualSettings: GenerationSettings = {
  n_predict: -1,
  max_tokens: -1,
  seed: -1,
  temperature: 0.8,
  top_k: 40,
  top_p: 0.95,
  min_p: 0.05,
  typical_p: 1,
  repeat_last_n: 64,
  repeat_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  mirostat: 0,
  mirostat_tau: 5,
  mirostat_eta: 0.1,
  n_probs: 0,
  ignore_eos: false,
  logit_bias: [],
  stop: [],
  grammar: '',
  stream: false,
  timings_per_token: false,
};
/** With Mirostat the other cuts are off. */
export const cutsOff = { top_k: 0, top_p: 1, min_p: 0, typical_p: 1 } as const;
