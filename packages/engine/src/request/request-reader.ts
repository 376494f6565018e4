/** Turns a GenerationRequest into token ids and one completion per choice, and refuses bad values. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Grammar, GrammarMatcher } from '@plimsoll/text/grammar';
import type { Model } from '../load/model.ts';
import { Sampler } from '../sampling/sampler.ts';
import { resolveSamplerParams, type SamplerRequest } from '../sampling/sampler-params.ts';
import type { SamplerWorkspace } from '../sampling/sampler-workspace.ts';
import { Completion } from './completion.ts';
import { checkKeepTokens, type SlideLimits, slide } from './context-slide.ts';
import type { GenerationRequest, OptionalTokenizer } from './generation.ts';
import { GrammarMatchers, grammarConstraint } from './grammar-constraint.ts';
import { checkCapture } from './hidden-capture.ts';
import type { Request } from './request.ts';

export interface RequestStart {
  /** The prompt of the request's sequences, and their output limit within the context. */
  readonly sequence: {
    readonly prompt: ArrayLike<number>;
    readonly outputTokensMax: number;
    readonly computesWhole?: boolean;
  };
  /** Maximum number of output tokens of each choice, over all slides of its context. */
  readonly outputTokensMax: number;
  /** Null if a choice ends at the end of the context. */
  readonly slides: SlideLimits | null;
  /** Number of prompt tokens that do not fit the context. */
  readonly droppedTokens: number;
}

export class RequestReader {
  readonly #model: Model;
  readonly #tokenizer: OptionalTokenizer;
  readonly #runningMax: number;
  /** 0 without a draft model. */
  readonly #draftTokensMax: number;
  readonly #contextMax: number;
  readonly #workspace: SamplerWorkspace;
  #matchers: GrammarMatchers | null = null;

  constructor(
    model: Model,
    tokenizer: OptionalTokenizer,
    workspace: SamplerWorkspace,
    limits: { readonly runningMax: number; readonly draftTokensMax: number; readonly contextMax: number },
  ) {
    this.#model = model;
    this.#workspace = workspace;
    this.#tokenizer = tokenizer;
    this.#runningMax = limits.runningMax;
    this.#draftTokensMax = limits.draftTokensMax;
    this.#contextMax = limits.contextMax;
  }

  encode(prompt: string | ArrayLike<number>): ArrayLike<number> {
    if (typeof prompt !== 'string') return prompt;
    if (this.#tokenizer !== null) return this.#tokenizer.encode(prompt);
    throw noTokenizer('the prompt is text');
  }

  /** Makes a sampler with its own random numbers, in the engine's shared workspace. */
  sampler(request: SamplerRequest): Sampler {
    const { vocabSize } = this.#model.graph;
    return new Sampler(resolveSamplerParams(request, vocabSize), this.#workspace);
  }

  checkTokens(prompt: ArrayLike<number>): void {
    const { vocabSize } = this.#model.graph;
    for (let index = 0; index < prompt.length; index++) {
      const token = prompt[index] ?? -1;
      if (Number.isInteger(token) && token >= 0 && token < vocabSize) continue;
      throw new PlimsollError({
        code: 'bad-token',
        message: `prompt token ${index} is ${token}, outside the vocabulary of ${vocabSize} tokens`,
        value: token,
        limit: vocabSize - 1,
        hint: "pass token ids of this model's tokenizer",
      });
    }
  }

  /** Determines the first prompt of a request, and the limits of its output. */
  start(prompt: ArrayLike<number>, request: GenerationRequest): RequestStart {
    const slides = this.#slidesOf(request);
    const contextMax = this.#contextMax;
    if (slides === null) {
      const outputTokensMax = request.maxTokens ?? Math.max(1, contextMax - prompt.length);
      const { capture } = request;
      const computesWhole = capture !== undefined && capture.positions !== 'last';
      return {
        sequence: { prompt, outputTokensMax, computesWhole },
        ...{ outputTokensMax, slides, droppedTokens: 0 },
      };
    }
    const kept = slide(Array.from(prompt), slides);
    const outputTokensMax = request.maxTokens ?? Number.MAX_SAFE_INTEGER;
    return {
      sequence: { prompt: kept, outputTokensMax: Math.min(outputTokensMax, contextMax - kept.length) },
      outputTokensMax,
      slides,
      droppedTokens: prompt.length - kept.length,
    };
  }

  /** Makes one completion per choice. Their pieces go to `owner`. */
  completions(request: GenerationRequest, start: RequestStart, owner: Request): readonly Completion[] {
    const { outputTokensMax, slides, droppedTokens } = start;
    const { sampling = {}, stop = [], ignoreEnd = false, choices = 1, grammar, promptLookup } = request;
    this.#checkChoices(choices);
    checkCapture(request, this.#model.graph.layers.length);
    const draftTokensMax = this.#draftTokens(request.draftTokens);
    const matcher = grammar === undefined ? null : this.#matcher(grammar);
    const lookup = promptLookup === true ? {} : promptLookup === false ? null : (promptLookup ?? null);
    const make = (choice: number, others: readonly Completion[]): Completion =>
      new Completion({
        choice,
        request: owner,
        // Each choice has its own seed. The first choice gets the tokens of a request with one choice.
        sampler: this.sampler({ ...sampling, seed: (sampling.seed ?? 0) + choice }),
        tokenizer: this.#tokenizer,
        stop,
        ignoreEnd,
        constraint: matcher === null ? null : grammarConstraint(matcher, outputTokensMax),
        promptLookup: lookup,
        draftTokensMax,
        outputTokensMax,
        slides,
        droppedTokens,
        others,
        capture: request.capture,
        onProposal: request.onProposal,
      });
    const others = Array.from({ length: choices - 1 }, (_, index) => make(index + 1, []));
    return [make(0, others), ...others];
  }

  /** Null if a choice ends at the end of the context. */
  #slidesOf({ overflow = 'refuse' }: GenerationRequest): SlideLimits | null {
    if (overflow === 'refuse') return null;
    const limits = { keepTokens: overflow.keepTokens, contextMax: this.#contextMax };
    checkKeepTokens(limits);
    return limits;
  }

  #checkChoices(choices: number): void {
    const runningMax = this.#runningMax;
    if (Number.isSafeInteger(choices) && choices >= 1 && choices <= runningMax) return;
    throw new PlimsollError({
      code: 'bad-choices',
      message: `${choices} choices cannot be generated at once`,
      value: choices,
      limit: runningMax,
      hint: `ask for 1 to ${runningMax}, or start the engine for more sequences`,
    });
  }

  #draftTokens(asked: number | undefined): number {
    const limit = this.#draftTokensMax;
    if (asked === undefined) return limit;
    if (Number.isSafeInteger(asked) && asked >= 0 && asked <= limit) return asked;
    throw new PlimsollError({
      code: 'bad-draft-tokens',
      message: `${asked} tokens cannot be drafted per step`,
      value: asked,
      limit,
      hint: limit === 0 ? 'start the engine with a draft model' : `ask for 0 to ${limit}`,
    });
  }

  #matcher(grammar: Grammar): GrammarMatcher {
    if (this.#tokenizer === null) throw noTokenizer('a grammar constrains text');
    this.#matchers ??= new GrammarMatchers(this.#tokenizer, this.#model.graph.vocabSize);
    return this.#matchers.matcher(grammar);
  }
}

function noTokenizer(reason: string): PlimsollError {
  return new PlimsollError({
    code: 'no-tokenizer',
    message: `${reason}, but this engine was started without a tokenizer`,
    hint: 'pass token ids, or start the engine with the tokenizer of the model',
  });
}
