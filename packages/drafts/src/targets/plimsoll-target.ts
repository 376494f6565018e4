/** Our own engine as a target, in this process. States are never read from a cached prefix, whose rows do not exist. */
import type { Engine } from '@plimsoll/engine';
import type { HiddenLayer, HiddenStates } from '@plimsoll/engine/hidden-states';
import { PlimsollError } from '@plimsoll/foundation';
import type {
  Answer,
  AnswerRequest,
  CaptureOutcome,
  TargetEngine,
  TargetIdentity,
  WantedStates,
} from './target-engine.ts';
import { checkedStates, joinLayers } from './wanted-states.ts';

/** Errors after which the same prompt can succeed. */
const retryableCodes: ReadonlySet<string> = new Set(['hidden-states-busy', 'queue-full', 'queued-too-long']);
/** Errors of the engine itself: every prompt would fail. */
const fatalCodes: ReadonlySet<string> = new Set(['engine-broken', 'engine-closed']);

export class PlimsollTarget implements TargetEngine {
  readonly identity: TargetIdentity;
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly promptsMax: number;
  readonly #engine: Engine;

  /** Takes over the engine: `close` closes it. */
  constructor(engine: Engine, identity: TargetIdentity) {
    this.#engine = engine;
    this.identity = identity;
    this.hiddenSize = engine.model.graph.hiddenSize;
    this.layerCount = engine.model.graph.layers.length;
    this.promptsMax = engine.sequencesMax;
  }

  refusal(): null {
    return null;
  }

  async capture(
    prompts: readonly (readonly number[])[],
    wanted: WantedStates,
    signal?: AbortSignal,
  ): Promise<readonly CaptureOutcome[]> {
    const outcomes: CaptureOutcome[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < prompts.length; index = next++)
        outcomes[index] = await this.#captureOne(prompts[index] ?? [], wanted, signal);
    };
    await Promise.all(Array.from({ length: Math.min(this.promptsMax, prompts.length) }, work));
    return outcomes;
  }

  async answer(
    { prompt, tokensMax, temperature, seed }: AnswerRequest,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const { choices } = await this.#engine.generate({
      prompt,
      maxTokens: Math.min(tokensMax, this.#engine.contextMax - prompt.length),
      sampling: { temperature, seed },
      ...(signal !== undefined && { signal }),
    });
    const [choice] = choices;
    return { text: choice?.text ?? '', isWhole: choice?.end === 'stop' };
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  async #captureOne(
    prompt: readonly number[],
    wanted: WantedStates,
    signal: AbortSignal | undefined,
  ): Promise<CaptureOutcome> {
    let states: HiddenStates | null = null;
    try {
      states = this.#engine.openHiddenStates({
        layers: [...wanted.layerIds, ...(wanted.hasFinal ? ['final' as const] : [])],
        positions: 'all',
        promptTokens: prompt.length,
        maxTokens: 1,
      });
      await this.#engine.generate({
        prompt,
        maxTokens: 1,
        ignoreEnd: true,
        sampling: { temperature: 0 },
        capture: states,
        ...(signal !== undefined && { signal }),
      });
      return this.#read(states, prompt.length, wanted);
    } catch (error) {
      if (!(error instanceof PlimsollError) || fatalCodes.has(error.code)) throw error;
      return { kind: 'failed', reason: error.message, isRetryable: retryableCodes.has(error.code) };
    } finally {
      states?.release();
    }
  }

  /** Copies the rows: the engine takes its memory back. */
  #read(states: HiddenStates, tokenCount: number, wanted: WantedStates): CaptureOutcome {
    const rows = (layer: HiddenLayer): Float32Array => states.rows(layer, 0, tokenCount);
    return checkedStates(
      {
        layers: joinLayers(wanted.layerIds.map(rows), this.hiddenSize),
        final: wanted.hasFinal ? rows('final').slice() : null,
      },
      { wanted, tokenCount, hiddenSize: this.hiddenSize },
    );
  }
}
