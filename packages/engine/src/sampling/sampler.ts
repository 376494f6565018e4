/**
 * From a row of logits to a token. One chain, in llama.cpp's order: logit bias, penalties, DRY, (the grammar's mask),
 * top-k, typical, top-p, min-p, temperature, draw; with mirostat: bias, penalties, DRY, mask, temperature, mirostat.
 * https://github.com/ggml-org/llama.cpp/blob/master/common/sampling.cpp
 *
 * Two differences, both on purpose: temperature zero is always the largest logit (llama.cpp lets `typical` cut it
 * first), and with mirostat the penalties still work (llama.cpp drops them without a word).
 *
 * A sampler keeps two things from token to token: the random generator, and mirostat's threshold. Everything else is
 * computed from the history, so rolling back needs nothing, and the arrays lie in a workspace that all samplers of an
 * engine share: sampling is synchronous, and a sampler is done with the arrays when a call returns.
 */
import { assert, PlimsollError, type Random, seededRandom } from '@plimsoll/foundation';
import { type DraftedToken, drawFrom, verifyToken } from '../draft/speculative.ts';
import type { Candidates } from './candidates.ts';
import { Dry } from './dry.ts';
import { reportLogprobs, type SampledLogprobs } from './log-probabilities.ts';
import type { LogitRow } from './logit-row.ts';
import { Mirostat } from './mirostat.ts';
import { Penalties } from './penalties.ts';
import { resolveSamplerParams, type SamplerParams, type SamplerRequest } from './sampler-params.ts';
import { SamplerWorkspace } from './sampler-workspace.ts';
import { keepMinP, keepTopP, keepTypical, takeNucleus } from './truncation.ts';

export interface Sample {
  readonly token: number;
  /** Present when the request asked for them. */
  readonly logprobs?: SampledLogprobs;
}

export class Sampler {
  readonly params: SamplerParams;
  readonly vocabSize: number;
  readonly #random: Random;
  readonly #row: LogitRow;
  readonly #candidates: Candidates;
  readonly #penalties: Penalties;
  readonly #dry: Dry;
  readonly #mirostat: Mirostat | null;
  readonly #scores: Float64Array;

  constructor(params: SamplerParams, workspace: SamplerWorkspace) {
    this.params = params;
    this.vocabSize = workspace.vocabSize;
    this.#random = seededRandom(params.seed);
    this.#row = workspace.row;
    this.#candidates = workspace.candidates;
    this.#penalties = new Penalties(params, workspace.tokenCounts);
    this.#dry = new Dry(params.dry, workspace.dry);
    this.#mirostat = params.mirostat === null ? null : new Mirostat(params.mirostat);
    this.#scores = workspace.scores;
  }

  /**
   * Draws the next token. `history` is prompt and output so far; `allowed` is a bit set of the tokens that a grammar
   * permits. The row is not changed.
   */
  sample(logits: Float32Array, history: ArrayLike<number>, allowed?: Uint32Array): Sample {
    const likeliest = this.#adjust(logits, history, allowed);
    return this.#report(logits, this.params.temperature === 0 ? likeliest : this.#draw());
  }

  /** True when the next token is the largest logit of the row as it is, and nothing is asked about the others. */
  get takesLargest(): boolean {
    const { temperature, logprobs, logitBias } = this.params;
    const isPlain = logitBias.size === 0 && !this.#penalties.isActive && !this.#dry.isActive;
    return temperature === 0 && logprobs === null && isPlain;
  }

  /**
   * True when drafts are asserted, not drawn: a greedy draft of a greedy sampler, and one for mirostat, whose chances
   * are not known before the tokens ahead are. They are verified by sampling as if they were not there.
   */
  get assertsDrafts(): boolean {
    return this.params.temperature === 0 || this.#mirostat !== null;
  }

  /** A token for a draft, from the logits of the model that drafts, and into `into` what it was drawn from. */
  propose(logits: Float32Array, history: ArrayLike<number>, into: Float32Array): number {
    if (this.assertsDrafts) return this.#adjust(logits, history, undefined);
    this.distribution(logits, history, into);
    return drawFrom(into, this.#random);
  }

  /**
   * The next token where `drafted` was drawn for its place: most often that token, and always as if it had been drawn
   * from these logits. `scratch` has two rows of the vocabulary.
   */
  verify(
    drafted: DraftedToken,
    place: { readonly logits: Float32Array; readonly history: ArrayLike<number> },
    allowed: Uint32Array | undefined,
    scratch: Float32Array,
  ): Sample {
    const { logits, history } = place;
    const target = scratch.subarray(0, this.vocabSize);
    this.distribution(logits, history, target, allowed);
    const token = verifyToken(drafted, target, this.#random, scratch.subarray(this.vocabSize));
    return this.#report(logits, token);
  }

  #report(logits: Float32Array, token: number): Sample {
    if (this.params.logprobs === null) return { token };
    this.#row.values.set(logits);
    this.#row.measure();
    const request = { chosen: token, top: this.params.logprobs };
    return { token, logprobs: reportLogprobs(this.#row, request, this.#candidates) };
  }

  /**
   * Fills `into` with the probability of every token under the whole chain: what rejection sampling of a draft needs.
   */
  distribution(
    logits: Float32Array,
    history: ArrayLike<number>,
    into: Float32Array | Float64Array,
    allowed?: Uint32Array,
  ): void {
    assert(into.length === this.vocabSize, `a distribution of ${into.length} for ${this.vocabSize} tokens`);
    if (this.#mirostat !== null) {
      throw new PlimsollError({
        code: 'sampler-conflict',
        message:
          'Mirostat adapts after every token, so a draft of several tokens cannot be checked against it.',
        value: 'mirostat',
        hint: 'Turn off mirostat or speculative decoding.',
      });
    }
    const likeliest = this.#adjust(logits, history, allowed);
    into.fill(0);
    if (this.params.temperature === 0) {
      into[likeliest] = 1;
      return;
    }
    this.#cut();
    this.#heat();
    const { ids, probabilities, count } = this.#candidates;
    for (let index = 0; index < count; index++) into[ids[index] as number] = probabilities[index] as number;
  }

  /** Copies the row and applies what changes logits one by one. Returns the token that is likeliest then. */
  #adjust(logits: Float32Array, history: ArrayLike<number>, allowed: Uint32Array | undefined): number {
    assert(logits.length === this.vocabSize, `a row of ${logits.length} logits for ${this.vocabSize} tokens`);
    const row = this.#row;
    const { values } = row;
    values.set(logits);
    for (const [token, bias] of this.params.logitBias) values[token] = (values[token] as number) + bias;
    this.#penalties.apply(values, history);
    this.#dry.apply(values, history);
    const broken = row.measure();
    if (broken !== null) throw notFinite(logits[broken] as number, broken);
    if (allowed !== undefined && row.largestToken !== null) {
      row.forbidOthers(allowed);
      row.measure();
    }
    if (row.largestToken === null) throw nothingAllowed(logits, allowed !== undefined);
    return row.largestToken;
  }

  #draw(): number {
    const candidates = this.#candidates;
    if (this.#mirostat === null) {
      this.#cut();
      this.#heat();
    } else {
      candidates.takeFrom(this.#row, -Infinity);
      this.#heat();
      this.#mirostat.cut(candidates);
    }
    const index = candidates.pick(this.#random());
    this.#mirostat?.observe(candidates.probabilities[index] as number);
    return candidates.ids[index] as number;
  }

  /** Top-k, typical, top-p, min-p; the first that is on picks from the whole row. */
  #cut(): void {
    const { topK, topP, minP, typicalP } = this.params;
    const candidates = this.#candidates;
    const row = this.#row;
    if (topK > 0 && topK < this.vocabSize) {
      candidates.takeTop(row, topK);
    } else if (typicalP >= 1 && topP < 1) {
      takeNucleus(candidates, row, topP);
      keepMinP(candidates, minP);
      return;
    } else {
      // Without typical and top-p, min-p looks at logits alone and can be applied while they are gathered.
      candidates.takeFrom(row, typicalP >= 1 && minP > 0 ? row.largest + Math.log(minP) : -Infinity);
    }
    keepTypical(candidates, typicalP, this.#scores);
    keepTopP(candidates, topP);
    keepMinP(candidates, minP);
  }

  /** Temperature, then probabilities. */
  #heat(): void {
    const { logits, count } = this.#candidates;
    const { temperature } = this.params;
    if (temperature !== 1) {
      for (let index = 0; index < count; index++) logits[index] = (logits[index] as number) / temperature;
    }
    this.#candidates.normalise();
  }
}

/** A sampler for one sequence. Left-out parameters have llama.cpp's defaults; nonsense is refused by name. */
export function createSampler(request: SamplerRequest, vocabSize: number): Sampler {
  return new Sampler(resolveSamplerParams(request, vocabSize), new SamplerWorkspace(vocabSize));
}

function notFinite(logit: number, token: number): PlimsollError {
  return new PlimsollError({
    code: 'logits-not-finite',
    message: `The logit of token ${token} is ${logit}.`,
    value: String(logit),
    limit: 'finite numbers or -Infinity',
    hint: 'The model file is damaged or a layer overflowed; check its hash, or load another quantisation.',
  });
}

function nothingAllowed(logits: Float32Array, masked: boolean): PlimsollError {
  if (logits.every((logit) => logit === -Infinity)) {
    return new PlimsollError({
      code: 'logits-empty',
      message: `All ${logits.length} logits are -Infinity: the model gives no token any probability.`,
      value: '-Infinity',
      hint: 'The model file is damaged or a layer overflowed; check its hash, or load another quantisation.',
    });
  }
  return new PlimsollError({
    code: 'no-token-allowed',
    message: 'No token is left to choose from after logit bias and mask.',
    hint: masked
      ? 'The grammar and logitBias forbid every token together; remove the bias.'
      : 'logitBias forbids every token that the model gives any probability; remove some of it.',
  });
}
