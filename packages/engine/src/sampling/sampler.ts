/**
 * Samples a token from a row of logits. The chain has llama.cpp's order: logit bias, penalties, DRY, the grammar's
 * mask, top-k, typical, top-p, min-p, temperature, draw. With mirostat: bias, penalties, DRY, mask, temperature,
 * mirostat. https://github.com/ggml-org/llama.cpp/blob/master/common/sampling.cpp
 *
 * Two differences are deliberate: temperature zero always takes the largest logit (in llama.cpp `typical` may cut it
 * first), and with mirostat the penalties still apply (llama.cpp drops them silently).
 *
 * A sampler keeps two things from token to token: the random generator, and mirostat's threshold. It computes
 * everything else from the history, so a rollback needs no action. All samplers of an engine share one workspace:
 * sampling is synchronous, and a sampler needs the arrays only during a call.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { type Random, seededRandom } from '@plimsoll/foundation/random';
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
  /** Present if the request asked for log-probabilities. */
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
   * Samples the next token. `logits` is a row, [vocabulary], and stays unchanged; `history` is the prompt and the
   * output so far; `allowed` is a bit set of the tokens that a grammar allows. Throws code `logits-not-finite`,
   * `logits-empty` or `no-token-allowed`.
   */
  sample(logits: Float32Array, history: ArrayLike<number>, allowed?: Uint32Array): Sample {
    const likeliest = this.#adjust(logits, history, allowed);
    return this.#report(logits, this.params.temperature === 0 ? likeliest : this.#draw());
  }

  /** True if the next token is the largest logit of the unchanged row, and no log-probabilities are asked for. */
  get takesLargest(): boolean {
    const { temperature, logprobs, logitBias } = this.params;
    const isPlain = logitBias.size === 0 && !this.#penalties.isActive && !this.#dry.isActive;
    return temperature === 0 && logprobs === null && isPlain;
  }

  /**
   * True if drafts have no distribution: drafts of a greedy sampler, and drafts for mirostat, whose threshold depends
   * on all tokens before. To verify them, the engine samples each place as without the draft, and compares.
   */
  get assertsDrafts(): boolean {
    return this.params.temperature === 0 || this.#mirostat !== null;
  }

  /**
   * Samples a draft token from the draft model's logits, [vocabulary], and writes its distribution, [vocabulary], to
   * `into`. If `assertsDrafts`, returns the most likely token and leaves `into` unchanged.
   */
  propose(logits: Float32Array, history: ArrayLike<number>, into: Float32Array): number {
    if (this.assertsDrafts) return this.#adjust(logits, history, undefined);
    this.distribution(logits, history, into);
    return drawFrom(into, this.#random);
  }

  /**
   * Verifies a drafted token by rejection sampling: returns it or a replacement, with the distribution of a token that
   * is sampled from `logits`. `scratch` is [2, vocabulary].
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
   * Writes the probability of every token after the whole chain to `into`, [vocabulary], for rejection sampling. Throws
   * code `sampler-conflict` with mirostat, and the errors of `sample`.
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

  /** Copies the row and applies bias, penalties, DRY and mask. Returns the most likely token after that. */
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

  /** Applies top-k, typical, top-p and min-p. The first of them that is on reads the whole row. */
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
      // Without typical and top-p, min-p needs only the logits, and applies while they are collected.
      candidates.takeFrom(row, typicalP >= 1 && minP > 0 ? row.largest + Math.log(minP) : -Infinity);
    }
    keepTypical(candidates, typicalP, this.#scores);
    keepTopP(candidates, topP);
    keepMinP(candidates, minP);
  }

  /** Applies the temperature, then computes probabilities. */
  #heat(): void {
    const { logits, count } = this.#candidates;
    const { temperature } = this.params;
    if (temperature !== 1) {
      for (let index = 0; index < count; index++) logits[index] = (logits[index] as number) / temperature;
    }
    this.#candidates.normalise();
  }
}

/**
 * Creates a sampler for one sequence. Absent parameters have llama.cpp's defaults. Throws `sampler-parameter` or
 * `sampler-conflict` for a bad value, and names the parameter.
 */
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
