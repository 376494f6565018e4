/** The body of `/completion` to requests for the engine: one per prompt. */
import { randomInt } from 'node:crypto';
import type { SamplerRequest } from '@plimsoll/engine';
import type { GrammarLease } from '../core/grammars.ts';
import { encodeMixed } from '../core/mixed-prompts.ts';
import type { ServedModel } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { constraintOf } from '../openai/chat-input.ts';
import type { CommonInput } from '../openai/sampling-fields.ts';
import type { CompletionRequest } from './completion-schema.ts';
import { cutsOff, type GenerationSettings, usualSettings } from './generation-settings.ts';
import { biasesOf, endBiases } from './logit-biases.ts';
import { listedPrompts } from './prompt-schema.ts';

export interface CompletionAsk {
  readonly tokens: Int32Array;
  readonly input: CommonInput;
  readonly settings: GenerationSettings;
  /** False: the request computes its prompt alone, and the sampled token is no answer. */
  readonly hasOutput: boolean;
}

export interface CompletionAsks {
  readonly asks: readonly CompletionAsk[];
  /** True: the answer is a list. */
  readonly isList: boolean;
  /** Leases the grammar of one request; undefined without one. */
  lease(): GrammarLease | undefined;
}

export function readCompletion(core: ServerCore, body: CompletionRequest, callId: string): CompletionAsks {
  const { model, grammars } = core;
  const { prompts, isList } = listedPrompts(body.prompt);
  const { schema, gbnf } = constraintOf(body);
  const settings = settingsOf(model, body, schema !== undefined || gbnf !== undefined);
  const reading = { field: 'prompt', parsesSpecial: true };
  return {
    asks: prompts.map((prompt) => {
      const tokens = encodeMixed(model, prompt, reading);
      return {
        ...{ tokens, settings, hasOutput: settings.n_predict !== 0 },
        input: inputOf(model, { body, settings, promptTokens: tokens.length, callId }),
      };
    }),
    isList: isList || (body.n_cmpl ?? 1) > 1,
    lease() {
      if (gbnf !== undefined) return grammars.leaseGbnf(gbnf);
      return schema === undefined ? undefined : grammars.lease(schema);
    },
  };
}

function settingsOf(
  { tokenizer }: ServedModel,
  body: CompletionRequest,
  isConstrained: boolean,
): GenerationSettings {
  const usual = usualSettings;
  const wanted = body.n_predict ?? body.max_tokens ?? usual.n_predict;
  const mirostat = body.mirostat ?? usual.mirostat;
  const cuts = mirostat === 0 ? usual : cutsOff;
  const stop = typeof body.stop === 'string' ? [body.stop] : (body.stop ?? usual.stop);
  const ignoresEnd = body.ignore_eos ?? usual.ignore_eos;
  // The end token is how a grammar ends.
  const forbidden = ignoresEnd && !isConstrained ? endBiases(tokenizer) : [];
  return {
    ...usual,
    n_predict: wanted,
    max_tokens: wanted,
    seed: body.seed == null || body.seed < 0 ? randomInt(2 ** 32) : body.seed,
    temperature: body.temperature ?? usual.temperature,
    // A cut that the request turns on next to Mirostat is refused by the sampler.
    top_k: Math.max(0, body.top_k ?? cuts.top_k),
    top_p: body.top_p ?? cuts.top_p,
    min_p: body.min_p ?? cuts.min_p,
    typical_p: body.typical_p ?? cuts.typical_p,
    repeat_last_n: body.repeat_last_n ?? usual.repeat_last_n,
    repeat_penalty: body.repeat_penalty ?? usual.repeat_penalty,
    presence_penalty: body.presence_penalty ?? usual.presence_penalty,
    frequency_penalty: body.frequency_penalty ?? usual.frequency_penalty,
    mirostat,
    mirostat_tau: body.mirostat_tau ?? usual.mirostat_tau,
    mirostat_eta: body.mirostat_eta ?? usual.mirostat_eta,
    n_probs: body.n_probs ?? usual.n_probs,
    ignore_eos: ignoresEnd,
    logit_bias: [...biasesOf(tokenizer, body.logit_bias), ...forbidden],
    stop: stop.filter((text) => text !== ''),
    grammar: body.grammar ?? usual.grammar,
    stream: body.stream ?? usual.stream,
    timings_per_token: body.timings_per_token ?? usual.timings_per_token,
  };
}

interface InputParts {
  readonly body: CompletionRequest;
  readonly settings: GenerationSettings;
  readonly promptTokens: number;
  readonly callId: string;
}

function inputOf({ engine }: ServedModel, parts: InputParts): CommonInput {
  const { body, settings, promptTokens } = parts;
  const room = Math.max(1, engine.contextMax - promptTokens);
  const wanted = settings.n_predict === -1 ? room : Math.max(1, settings.n_predict);
  const salt = saltOf(parts);
  return {
    choices: body.n_cmpl ?? 1,
    stop: settings.stop,
    sampling: samplingOf(settings),
    // The end of the context ends an answer; it refuses no request.
    maxTokens: Math.min(wanted, room),
    ignoreEnd: settings.ignore_eos,
    // The engine serves larger priorities earlier.
    ...(body.priority != null && { priority: -body.priority }),
    ...(salt !== null && { cacheSalt: salt }),
  };
}

/** A request that reuses no cached prompt has a salt that no other request has. */
function saltOf({ body, callId }: InputParts): string | null {
  if (body.cache_prompt === false) return JSON.stringify(['uncached', callId, randomInt(2 ** 47)]);
  return body.cache_salt ?? null;
}

function samplingOf(settings: GenerationSettings): SamplerRequest {
  const { mirostat_tau: tau, mirostat_eta: eta, repeat_last_n: window } = settings;
  return {
    seed: settings.seed,
    temperature: settings.temperature,
    topK: settings.top_k,
    topP: settings.top_p,
    minP: settings.min_p,
    typicalP: settings.typical_p,
    penaltyWindowTokens: window === -1 ? null : window,
    repetitionPenalty: settings.repeat_penalty,
    presencePenalty: settings.presence_penalty,
    frequencyPenalty: settings.frequency_penalty,
    mirostat: settings.mirostat === 0 ? null : { tau, eta },
    logprobs: settings.n_probs === 0 ? null : settings.n_probs,
    logitBias: new Map(
      settings.logit_bias.map(({ token, bias }) => [token, bias ?? Number.NEGATIVE_INFINITY]),
    ),
  };
}
