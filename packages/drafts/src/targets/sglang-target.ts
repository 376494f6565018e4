/**
 * A server with SGLang's `/generate` as a target. Two transports:
 *
 *   spec-capture    the field `spec_capture`; `plimsoll serve` answers with layers and final states inline
 *   hidden-states   the field `return_hidden_states`, which every SGLang server has; final states alone
 *
 * An unpatched SGLang returns the states of the last layer alone, so EAGLE3 cannot be trained from it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import type {
  Answer,
  AnswerRequest,
  CaptureOutcome,
  PromptStates,
  TargetEngine,
  TargetIdentity,
  WantedStates,
} from './target-engine.ts';
import { promptFailureCodes, TargetServer, type TargetServerOptions } from './target-server.ts';
import { checkedStates } from './wanted-states.ts';

export type SglangTransport = 'spec-capture' | 'hidden-states';

export interface SglangTargetOptions extends TargetServerOptions {
  readonly identity: TargetIdentity;
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly transport: SglangTransport;
  /** Prompts of one request. */
  readonly promptsMax: number;
}

const storeId = 'inline';
const layersName = 'layers';
const finalName = 'final';
/** Fields of an answer other than states. */
const otherBytes = 64 * 1024;
/** Characters of a number in JSON, at most. */
const numberCharacters = 26;

const rows = z.array(z.array(z.number()));
const feature = z.object({
  shape: z.array(z.int()),
  dtype: z.string(),
  data: z.string(),
  sha256: z.string(),
});
const generated = z.object({
  text: z.string(),
  meta_info: z.object({
    finish_reason: z.object({ type: z.string() }).nullish(),
    prompt_tokens: z.int(),
    // The rows of the prompt are one list; the rows of later steps follow it.
    hidden_states: z.array(z.union([z.array(z.number()), rows])).optional(),
    spec_capture: z
      .object({
        ...{ sample_id: z.string(), store_id: z.string(), aux_layer_ids: z.array(z.int()) },
        features: z.record(z.string(), feature),
      })
      .optional(),
  }),
});
type Generated = z.infer<typeof generated>;
type Feature = z.infer<typeof feature>;

interface Row {
  readonly prompt: readonly number[];
  readonly sampleId: string;
}

export class SglangTarget implements TargetEngine {
  readonly identity: TargetIdentity;
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly promptsMax: number;
  readonly #transport: SglangTransport;
  readonly #server: TargetServer;

  /** Throws `bad-target-url`. */
  constructor(options: SglangTargetOptions) {
    this.identity = options.identity;
    this.hiddenSize = options.hiddenSize;
    this.layerCount = options.layerCount;
    this.promptsMax = options.promptsMax;
    this.#transport = options.transport;
    this.#server = new TargetServer(options);
  }

  refusal({ layerIds }: WantedStates): PlimsollError | null {
    if (layerIds.length === 0 || this.#transport === 'spec-capture') return null;
    return lastLayerOnly(this.#server.url, layerIds);
  }

  async capture(
    prompts: readonly (readonly number[])[],
    wanted: WantedStates,
    signal?: AbortSignal,
  ): Promise<readonly CaptureOutcome[]> {
    const outcomes: CaptureOutcome[] = [];
    for (let start = 0; start < prompts.length; start += this.promptsMax) {
      const some = prompts.slice(start, start + this.promptsMax);
      const batch = some.map((prompt): Row => ({ prompt, sampleId: randomUUID() }));
      outcomes.push(...(await this.#captureBatch(batch, wanted, signal)));
    }
    return outcomes;
  }

  async answer(
    { prompt, tokensMax, temperature, seed }: AnswerRequest,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const { text, meta_info: info } = await this.#server.post({
      route: '/generate',
      body: {
        input_ids: prompt,
        sampling_params: { temperature, max_new_tokens: tokensMax, sampling_seed: seed },
      },
      schema: generated,
      answerBytesMax: otherBytes + tokensMax * 1024,
      signal,
    });
    return { text, isWhole: info.finish_reason?.type === 'stop' };
  }

  async close(): Promise<void> {}

  /** A server refuses a whole request for one bad prompt, so a refused batch is repeated prompt by prompt. */
  async #captureBatch(
    batch: readonly Row[],
    wanted: WantedStates,
    signal: AbortSignal | undefined,
  ): Promise<readonly CaptureOutcome[]> {
    try {
      const answers = await this.#generate(batch, wanted, signal);
      return batch.map((row, index) => {
        const answer = answers[index];
        return answer === undefined
          ? {
              kind: 'failed',
              reason: `the server answered ${answers.length} of ${batch.length} prompts`,
              isRetryable: true,
            }
          : this.#read(row, answer, wanted);
      });
    } catch (error) {
      if (!(error instanceof PlimsollError) || !promptFailureCodes.has(error.code)) throw error;
      if (batch.length > 1) {
        const parts: CaptureOutcome[] = [];
        for (const row of batch) parts.push(...(await this.#captureBatch([row], wanted, signal)));
        return parts;
      }
      return [{ kind: 'failed', reason: error.message, isRetryable: error.code === 'target-overloaded' }];
    }
  }

  async #generate(
    batch: readonly Row[],
    { layerIds, hasFinal }: WantedStates,
    signal: AbortSignal | undefined,
  ): Promise<readonly Generated[]> {
    const isInline = this.#transport === 'hidden-states';
    const stateCount = layerIds.length + Number(hasFinal);
    const tokenCount = batch.reduce((sum, { prompt }) => sum + prompt.length, 0);
    const numberBytes = isInline ? numberCharacters : 6;
    const answers = await this.#server.post({
      route: '/generate',
      body: {
        input_ids: batch.map(({ prompt }) => prompt),
        sampling_params: { temperature: 0, max_new_tokens: 1, ignore_eos: true },
        // A cached prefix has no states: each prompt gets a namespace of its own.
        extra_key: batch.map(({ sampleId }) => sampleId),
        ...(isInline
          ? { return_hidden_states: true }
          : { spec_capture: batch.map(({ sampleId }) => captureField(sampleId, layerIds, hasFinal)) }),
      },
      schema: z.union([generated.transform((one) => [one]), z.array(generated)]),
      answerBytesMax:
        (tokenCount + 1) * stateCount * this.hiddenSize * numberBytes + batch.length * otherBytes,
      signal,
    });
    if (answers.length <= batch.length) return answers;
    throw manyAnswers(this.#server.url, answers.length, batch.length);
  }

  #read({ prompt, sampleId }: Row, { meta_info: info }: Generated, wanted: WantedStates): CaptureOutcome {
    const failed = (reason: string): CaptureOutcome => ({ kind: 'failed', reason, isRetryable: false });
    const expected = { wanted, tokenCount: prompt.length, hiddenSize: this.hiddenSize };
    if (info.prompt_tokens !== prompt.length)
      return failed(`the server read ${info.prompt_tokens} tokens of a prompt of ${prompt.length}`);
    if (this.#transport === 'hidden-states') {
      const own = info.hidden_states?.[0];
      if (!Array.isArray(own?.[0]))
        return failed(
          'the answer has no rows of the prompt (start the server with --enable-return-hidden-states)',
        );
      return checkedStates({ layers: null, final: Float32Array.from(own.flat()) }, expected);
    }
    const capture = info.spec_capture;
    if (capture === undefined) throw lastLayerOnly(this.#server.url, wanted.layerIds);
    if (capture.sample_id !== sampleId || capture.store_id !== storeId)
      return failed(`the states belong to sample ${capture.sample_id} of store ${capture.store_id}`);
    if (capture.aux_layer_ids.join() !== wanted.layerIds.join())
      return failed(`the server captured the layers ${capture.aux_layer_ids.join(', ')}`);
    const read = (name: string, width: number): Float32Array | string =>
      featureValues(capture.features[name], [1, prompt.length, width * this.hiddenSize]);
    const layers = wanted.layerIds.length === 0 ? null : read(layersName, wanted.layerIds.length);
    const final = wanted.hasFinal ? read(finalName, 1) : null;
    if (typeof layers === 'string') return failed(`${layersName}: ${layers}`);
    if (typeof final === 'string') return failed(`${finalName}: ${final}`);
    const states: PromptStates = { layers, final };
    return checkedStates(states, expected);
  }
}

function captureField(sampleId: string, layerIds: readonly number[], hasFinal: boolean): unknown {
  return {
    ...{ store_id: storeId, sample_id: sampleId, gen: 1 },
    features: {
      ...(layerIds.length > 0 && { aux: layersName }),
      ...(hasFinal && { last_hidden: finalName }),
    },
    ...(layerIds.length > 0 && { aux_layer_ids: layerIds }),
  };
}

/** Returns the numbers, or the problem in words. */
function featureValues(given: Feature | undefined, shape: readonly number[]): Float32Array | string {
  if (given === undefined) return 'the server returned no such feature';
  if (given.dtype !== 'float32') return `the type is ${given.dtype}, not float32`;
  if (given.shape.join() !== shape.join())
    return `the shape is [${given.shape.join(', ')}], not [${shape.join(', ')}]`;
  const bytes = Uint8Array.from(Buffer.from(given.data, 'base64'));
  if (createHash('sha256').update(bytes).digest('hex') !== given.sha256)
    return 'the bytes do not match their SHA-256';
  if (bytes.length % Float32Array.BYTES_PER_ELEMENT !== 0)
    return `${bytes.length} bytes are no whole numbers`;
  return new Float32Array(bytes.buffer);
}

function lastLayerOnly(url: string, layerIds: readonly number[]): PlimsollError {
  return new PlimsollError({
    code: 'last-layer-only',
    message: `${url} returns the states of the last layer alone, as an unpatched SGLang does`,
    value: layerIds.join(', '),
    limit: 'no layer but the last',
    hint: "capture with `plimsoll serve --hidden-states ...`, vLLM's hidden state extraction, or in this process",
  });
}

function manyAnswers(url: string, found: number, expected: number): PlimsollError {
  return new PlimsollError({
    code: 'target-answer',
    message: `${url} answered ${found} prompts, but the request had ${expected}`,
    value: found,
    limit: expected,
    hint: 'check that the address belongs to the kind of server that the recipe names',
  });
}
