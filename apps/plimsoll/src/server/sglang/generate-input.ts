/** The body of `/generate` to requests for the engine: one per prompt. */
import { encodeMixed, type MixedPrompt, promptsOf } from '../core/mixed-prompts.ts';
import type { ServerCore } from '../core/server-core.ts';
import { InvalidField } from '../http/request-errors.ts';
import { type CommonInput, commonInput } from '../openai/sampling-fields.ts';
import type { GenerateRequest, SamplingParams } from './generate-schema.ts';
import { checkSpecCapture, type SpecCapture } from './spec-capture.ts';

/** SGLang's default. */
const usualTokensMax = 128;
const reading = { field: 'input_ids', parsesSpecial: true };

export interface GenerateAsk {
  readonly tokens: ArrayLike<number>;
  readonly input: CommonInput;
  /** False: the request computes its prompt alone, and the sampled token is no answer. */
  readonly hasOutput: boolean;
  /** Undefined for plain text. */
  readonly schema: unknown;
  /** Null without log-probabilities. */
  readonly logprobs: { readonly top: number; readonly start: number } | null;
  readonly hidden: boolean | 'last';
  readonly capture: SpecCapture | null;
  readonly id: string | null;
}

/** True if the answer is a list. */
export function isBatch({ text, input_ids: ids, sampling_params: params }: GenerateRequest): boolean {
  return Array.isArray(text) || Array.isArray(ids?.[0]) || Array.isArray(params);
}

export function readAsks(core: ServerCore, body: GenerateRequest): readonly GenerateAsk[] {
  const prompts = givenPrompts(body);
  /** The value of a field for one prompt. */
  const each = <Value>(field: string, value: Value | readonly Value[] | null | undefined) => {
    if (Array.isArray(value) && value.length !== prompts.length) {
      throw new InvalidField(field, `it has ${value.length} entries for ${prompts.length} prompts`);
    }
    return (index: number): Value | null =>
      (Array.isArray(value) ? (value as readonly Value[])[index] : (value as Value)) ?? null;
  };
  const fields = {
    params: each<SamplingParams>('sampling_params', body.sampling_params),
    hidden: each<boolean | 'last'>('return_hidden_states', body.return_hidden_states),
    capture: each<SpecCapture>('spec_capture', body.spec_capture),
    returnLogprob: each<boolean>('return_logprob', body.return_logprob),
    start: each<number>('logprob_start_len', body.logprob_start_len),
    top: each<number>('top_logprobs_num', body.top_logprobs_num),
    rid: each<string>('rid', Array.isArray(body.rid) || prompts.length === 1 ? body.rid : null),
    extraKey: each<string>('extra_key', body.extra_key),
    salt: each<string>('cache_salt', body.cache_salt),
  };
  return prompts.map((prompt, index): GenerateAsk => {
    const tokens = encodeMixed(core.model, prompt, reading);
    const params = fields.params(index) ?? {};
    const hidden = fields.hidden(index) ?? false;
    const capture = fields.capture(index);
    if (capture !== null) checkSpecCapture(capture, tokens.length);
    const keepsStates = hidden !== false || capture !== null;
    if (keepsStates) refuseWithStates(body, params);
    const logprobs =
      fields.returnLogprob(index) === true
        ? { top: fields.top(index) ?? 0, start: fields.start(index) ?? -1 }
        : null;
    const salt = [fields.extraKey(index), fields.salt(index)].filter((part) => part !== null && part !== '');
    return {
      ...{ tokens, logprobs, hidden, capture },
      input: inputOf(core, params, logprobs?.top ?? null, salt.length === 0 ? null : JSON.stringify(salt)),
      hasOutput: params.max_new_tokens !== 0,
      schema: schemaOf(params),
      // A lone surrogate is no text that every reader of JSON takes.
      id: fields.rid(index)?.toWellFormed() ?? null,
    };
  });
}

function givenPrompts({ text, input_ids: ids }: GenerateRequest): readonly MixedPrompt[] {
  if ((text == null) === (ids == null)) throw new InvalidField('text', 'send either text or input_ids');
  return promptsOf(text ?? ids ?? []);
}

function inputOf(
  { model }: ServerCore,
  params: SamplingParams,
  top: number | null,
  cacheSalt: string | null,
): CommonInput {
  const { max_new_tokens: tokens, sampling_seed: seed, top_k: topK, ...shared } = params;
  return commonInput(
    {
      ...shared,
      seed,
      top_k: topK,
      max_tokens: Math.max(1, tokens ?? usualTokensMax),
      cache_salt: cacheSalt,
    },
    top,
    model.tokenizer.vocabSize,
  );
}

function schemaOf({ json_schema: text }: SamplingParams): unknown {
  if (text == null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidField('sampling_params.json_schema', 'it is not the text of a JSON schema');
  }
}

function refuseWithStates({ stream }: GenerateRequest, { n }: SamplingParams): void {
  if (stream === true) throw new InvalidField('stream', 'hidden states come with a whole answer');
  if (n != null && n > 1) throw new InvalidField('sampling_params.n', 'hidden states belong to one answer');
}
