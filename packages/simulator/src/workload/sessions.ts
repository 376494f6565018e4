/**
 * Sessions: the prompt of each request is the conversation so far and new tokens. A turn of a user may call tools: the
 * answer is then a call, and the next request brings its result after a wait.
 *
 *   request 1   [ shared prefix | first prompt ] answer
 *   request 2   [ shared prefix | first prompt | answer | new tokens ] answer          after think time or a tool
 */
import type { Random } from '@plimsoll/foundation/random';
import { countSampler, sampler, tokenSampler } from './distribution.ts';
import type { SessionShape } from './session-shape.ts';
import { type DrawnRequest, prefixIdOf, randomFor, type Workload } from './workload.ts';

export interface DrawnSession {
  /** Returns the next request. */
  request(): DrawnRequest;
  /** Returns the seconds from the answer to the next request, and prepares that request; null if the session ends. */
  pauseSeconds(): number | null;
}

/** More turns, or calls in a turn, are a mistake, and would draw numbers for hours. */
const turnsMax = 10_000;

type SessionWorkload = Pick<Workload, 'prompt' | 'output' | 'prefix' | 'seed'>;

/** Returns a function that draws the next session. Equal seeds give session n equal lengths and pauses in every run. */
export function sessionSampler(workload: SessionWorkload, shape: SessionShape): () => DrawnSession {
  const draws = samplersOf(workload, shape);
  let index = 0;
  return () => new Session(workload, draws, { index: index++, contextMax: shape.contextMax });
}

type Draw = (random: Random) => number;

interface Samplers {
  readonly firstPrompt: Draw;
  readonly prompt: Draw;
  readonly output: Draw;
  readonly turns: Draw;
  readonly think: Draw;
  readonly calls: Draw;
  readonly callOutput: Draw;
  readonly result: Draw;
  readonly wait: Draw;
}

function samplersOf({ prompt, output }: SessionWorkload, shape: SessionShape): Samplers {
  const { tools } = shape;
  return {
    firstPrompt: tokenSampler(prompt),
    prompt: tokenSampler(shape.prompt),
    output: tokenSampler(output),
    turns: tokenSampler(shape.turns),
    think: sampler(shape.thinkSeconds),
    calls: tools === null ? () => 0 : countSampler(tools.calls),
    callOutput: tokenSampler(tools?.output ?? output),
    result: tools === null ? () => 0 : tokenSampler(tools.result),
    wait: tools === null ? () => 0 : sampler(tools.waitSeconds),
  };
}

class Session implements DrawnSession {
  readonly #draws: Samplers;
  readonly #prompts: Random;
  readonly #outputs: Random;
  readonly #pauses: Random;
  readonly #contextMax: number;
  /** Content of the session: the prefix that it shares, and its own tokens. */
  readonly #content: { readonly hashIds?: readonly number[]; readonly tokensPerId?: number };
  readonly #restId: number;
  #promptTokens: number;
  #outputTokens = 0;
  #turnsLeft: number;
  #callsLeft = 0;

  constructor(
    { prefix, seed }: SessionWorkload,
    draws: Samplers,
    { index, contextMax }: { readonly index: number; readonly contextMax: number },
  ) {
    this.#draws = draws;
    this.#prompts = randomFor(seed, 'prompts', index);
    this.#outputs = randomFor(seed, 'outputs', index);
    this.#pauses = randomFor(seed, 'sessions', index);
    this.#contextMax = contextMax;
    this.#promptTokens = draws.firstPrompt(this.#prompts);
    // Ids of prefixes come first, so that no session has the id of a prefix.
    this.#restId = (prefix?.groups ?? 0) + index;
    this.#content =
      prefix === null
        ? {}
        : {
            hashIds: [prefixIdOf(prefix, randomFor(seed, 'prefixes', index))],
            tokensPerId: Math.min(prefix.tokens, this.#promptTokens),
          };
    this.#turnsLeft = Math.min(turnsMax, draws.turns(this.#pauses));
    this.#startTurn();
  }

  request(): DrawnRequest {
    return {
      prompt: { length: this.#promptTokens, ...this.#content, restId: this.#restId },
      outputTokens: this.#outputTokens,
    };
  }

  pauseSeconds(): number | null {
    const draws = this.#draws;
    const isCall = this.#callsLeft > 0;
    if (!isCall && this.#turnsLeft === 0) return null;
    const pause = Math.max(0, (isCall ? draws.wait : draws.think)(this.#pauses));
    this.#promptTokens += this.#outputTokens + (isCall ? draws.result : draws.prompt)(this.#prompts);
    if (isCall) {
      this.#callsLeft--;
      this.#drawOutput();
    } else this.#startTurn();
    return this.#promptTokens + this.#outputTokens > this.#contextMax ? null : pause;
  }

  #startTurn(): void {
    this.#turnsLeft--;
    this.#callsLeft = Math.min(turnsMax, this.#draws.calls(this.#pauses));
    this.#drawOutput();
  }

  /** An answer that calls a tool has lengths of its own. */
  #drawOutput(): void {
    const { callOutput, output } = this.#draws;
    this.#outputTokens = (this.#callsLeft > 0 ? callOutput : output)(this.#outputs);
  }
}
