/**
 * Parameters of the sampler. Names, meanings, defaults and the order of the chain follow llama.cpp's server, because
 * users of local models know them:
 * https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
 */
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';

/** "Don't repeat yourself": https://github.com/oobabooga/text-generation-webui/pull/5677 */
export interface DryParams {
  /** Zero turns it off. */
  readonly multiplier: number;
  readonly base: number;
  /** Repeats shorter than this many tokens have no penalty. */
  readonly allowedLength: number;
  /** Number of recent tokens that are searched; null means the whole history. */
  readonly windowTokens: number | null;
  /** Token sequences over which no repeat extends; see `breakersFromText`. */
  readonly breakers: readonly (readonly number[])[];
}

/** https://arxiv.org/abs/2007.14966, version 2 as in llama.cpp. */
export interface MirostatParams {
  /** Target surprise in bits. */
  readonly tau: number;
  /** Share of the error that each token corrects, 0 to 1. */
  readonly eta: number;
}

export interface SamplerParams {
  /** Zero means greedy: the token with the largest logit, and the lower id among equals. */
  readonly temperature: number;
  /** Zero turns it off. */
  readonly topK: number;
  /** One turns it off. */
  readonly topP: number;
  /** Zero turns it off. */
  readonly minP: number;
  /** One turns it off. */
  readonly typicalP: number;
  /** Number of recent tokens that the three penalties count; null means the whole history. */
  readonly penaltyWindowTokens: number | null;
  /** One turns it off. */
  readonly repetitionPenalty: number;
  /** Subtracted from a token's logit once per occurrence. Zero turns it off. */
  readonly frequencyPenalty: number;
  /** Subtracted from the logit of every token that occurred. Zero turns it off. */
  readonly presencePenalty: number;
  /** Added to the logit of a token; -Infinity forbids it. */
  readonly logitBias: ReadonlyMap<number, number>;
  readonly dry: DryParams;
  /** Null turns it off. Mirostat cuts candidates itself, so topK, topP, minP and typicalP must be off. */
  readonly mirostat: MirostatParams | null;
  /** A whole number; only its low 32 bits are used. */
  readonly seed: number;
  /** Number of most likely tokens to report in addition to the chosen token; null reports no log-probabilities. */
  readonly logprobs: number | null;
}

/** The sampling parameters of a request. Absent parameters have llama.cpp's defaults. */
export type SamplerRequest = Partial<Omit<SamplerParams, 'dry' | 'mirostat'>> & {
  readonly dry?: Partial<DryParams>;
  readonly mirostat?: Partial<MirostatParams> | null;
};

/** More alternatives than any client shows; the OpenAI API stops at 20. */
const LOGPROBS_MAX = 128;
/** Maximum length of a breaker in tokens. Without a limit the search for breakers would take quadratic time. */
const BREAKER_TOKENS_MAX = 20;

const dryDefaults: DryParams = {
  multiplier: 0,
  base: 1.75,
  allowedLength: 2,
  windowTokens: null,
  breakers: [],
};

const defaults: SamplerParams = {
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  typicalP: 1,
  penaltyWindowTokens: 64,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: new Map(),
  dry: dryDefaults,
  mirostat: null,
  seed: 0,
  logprobs: null,
};

/** With mirostat the other cuts are off. A request that turns one of them on is refused. */
const cutsOff = { topK: 0, topP: 1, minP: 0, typicalP: 1 } as const;

interface Range {
  readonly low: number;
  readonly high: number;
  readonly whole?: boolean;
}

function checkNumber(name: string, value: unknown, range: Range): void {
  const fits =
    typeof value === 'number' &&
    value >= range.low &&
    value <= range.high &&
    (range.whole !== true || Number.isSafeInteger(value));
  if (fits) return;
  const kind = range.whole === true ? 'a whole number' : 'a number';
  const given = jsonPreview(value);
  const limit = range.high === Number.MAX_VALUE ? `${range.low} or more` : `${range.low} to ${range.high}`;
  throw new PlimsollError({
    code: 'sampler-parameter',
    message: `Sampling parameter ${name} is ${given}; it must be ${kind}, ${limit}.`,
    value: typeof value === 'number' ? value : given,
    limit,
    hint: `Change ${name}, or leave it out for its default.`,
  });
}

function checkDry(dry: DryParams, vocabSize: number): void {
  checkNumber('dry.multiplier', dry.multiplier, { low: 0, high: 1e6 });
  checkNumber('dry.base', dry.base, { low: 1, high: 1e6 });
  checkNumber('dry.allowedLength', dry.allowedLength, { low: 0, high: 2 ** 31 - 1, whole: true });
  checkWindow('dry.windowTokens', dry.windowTokens);
  for (const [index, breaker] of dry.breakers.entries()) {
    checkNumber(`dry.breakers[${index}].length`, breaker.length, { low: 1, high: BREAKER_TOKENS_MAX });
    for (const token of breaker) checkToken(`dry.breakers[${index}]`, token, vocabSize);
  }
}

function checkWindow(name: string, value: number | null): void {
  if (value !== null) checkNumber(name, value, { low: 0, high: 2 ** 31 - 1, whole: true });
}

function checkToken(name: string, token: number, vocabSize: number): void {
  checkNumber(`${name} token id`, token, { low: 0, high: vocabSize - 1, whole: true });
}

function checkMirostat(params: SamplerParams): void {
  if (params.mirostat === null) return;
  checkNumber('mirostat.tau', params.mirostat.tau, { low: 0, high: 100 });
  checkNumber('mirostat.eta', params.mirostat.eta, { low: 0, high: 1 });
  for (const name of ['topK', 'topP', 'minP', 'typicalP'] as const) {
    if (params[name] === cutsOff[name]) continue;
    throw new PlimsollError({
      code: 'sampler-conflict',
      message: `Sampling parameter ${name} is ${params[name]}, but mirostat does its own cutting.`,
      value: params[name],
      limit: cutsOff[name],
      hint: `Leave ${name} out, or turn mirostat off.`,
    });
  }
}

/** Fills in the defaults. Throws `sampler-parameter` or `sampler-conflict` for a bad value, and names the parameter. */
export function resolveSamplerParams(request: SamplerRequest, vocabSize: number): SamplerParams {
  for (const name of Object.keys(request)) {
    if (name in defaults) continue;
    throw new PlimsollError({
      code: 'sampler-parameter',
      message: `There is no sampling parameter ${name}.`,
      value: name,
      limit: Object.keys(defaults).join(', '),
    });
  }
  const mirostat = request.mirostat ? { tau: 5, eta: 0.1, ...request.mirostat } : null;
  const params: SamplerParams = {
    ...defaults,
    ...(mirostat !== null && cutsOff),
    ...request,
    dry: { ...dryDefaults, ...request.dry },
    mirostat,
  };
  checkNumber('temperature', params.temperature, { low: 0, high: 100 });
  checkNumber('topK', params.topK, { low: 0, high: 2 ** 31 - 1, whole: true });
  checkNumber('topP', params.topP, { low: 0, high: 1 });
  checkNumber('minP', params.minP, { low: 0, high: 1 });
  checkNumber('typicalP', params.typicalP, { low: 0, high: 1 });
  checkWindow('penaltyWindowTokens', params.penaltyWindowTokens);
  checkNumber('repetitionPenalty', params.repetitionPenalty, { low: 1e-3, high: 1e3 });
  checkNumber('frequencyPenalty', params.frequencyPenalty, { low: -100, high: 100 });
  checkNumber('presencePenalty', params.presencePenalty, { low: -100, high: 100 });
  checkNumber('seed', params.seed, { low: -(2 ** 53) + 1, high: 2 ** 53 - 1, whole: true });
  if (params.logprobs !== null) {
    checkNumber('logprobs', params.logprobs, { low: 0, high: LOGPROBS_MAX, whole: true });
  }
  for (const [token, bias] of params.logitBias) {
    checkToken('logitBias', token, vocabSize);
    if (bias !== -Infinity) checkNumber(`logitBias of token ${token}`, bias, { low: -1e6, high: 1e6 });
  }
  checkDry(params.dry, vocabSize);
  checkMirostat(params);
  return params;
}
