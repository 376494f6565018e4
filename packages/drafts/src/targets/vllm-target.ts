/**
 * A vLLM server with hidden state extraction as a target (vLLM 0.18 or newer,
 * https://docs.vllm.ai/en/latest/features/speculative_decoding/extract_hidden_states/). The server writes a safetensors file
 * per prompt into a folder that both machines see, and answers with its path:
 *
 *   token_ids      [tokens]
 *   hidden_states  [tokens, layers, hidden size]
 *
 * vLLM counts layers by their input: its layer l + 1 is the output of layer l, and its layer `num_hidden_layers` is the
 * output of the last layer, before the final norm. So the final states are normalised here.
 */
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import { readStatesFile, type StatesFile } from './states-file.ts';
import type {
  Answer,
  AnswerRequest,
  CaptureOutcome,
  TargetEngine,
  TargetIdentity,
  WantedStates,
} from './target-engine.ts';
import { promptFailureCodes, TargetServer, type TargetServerOptions } from './target-server.ts';
import { checkedStates } from './wanted-states.ts';

export interface VllmTargetOptions extends TargetServerOptions {
  readonly identity: TargetIdentity;
  readonly hiddenSize: number;
  readonly layerCount: number;
  /** The name under which the server knows the target. */
  readonly model: string;
  /** `eagle_aux_hidden_state_layer_ids` of the server, in its own order and count. */
  readonly serverLayerIds: readonly number[];
  /** The folder `shared_storage_path` of the server, as this machine sees it. */
  readonly folder: string;
  /** The target's last norm: weights as they multiply, and epsilon. */
  readonly finalNorm: { readonly weight: Float32Array; readonly epsilon: number };
  /** Requests at the same time. */
  readonly promptsMax: number;
  /** Servers may answer before the file is complete. */
  readonly fileSecondsMax: number;
}

const answerBytesMax = 1024 ** 2;

const completion = z.object({
  choices: z.array(z.object({ text: z.string(), finish_reason: z.string().nullish() })).min(1),
  kv_transfer_params: z.object({ hidden_states_path: z.string().optional() }).nullish(),
});

export class VllmTarget implements TargetEngine {
  readonly identity: TargetIdentity;
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly promptsMax: number;
  readonly #options: VllmTargetOptions;
  readonly #server: TargetServer;

  /** Throws `bad-target-url`. */
  constructor(options: VllmTargetOptions) {
    this.identity = options.identity;
    this.hiddenSize = options.hiddenSize;
    this.layerCount = options.layerCount;
    this.promptsMax = options.promptsMax;
    this.#options = options;
    this.#server = new TargetServer(options);
  }

  /** The layers are flags of the server, so a recipe with other layers needs another start. */
  refusal(wanted: WantedStates): PlimsollError | null {
    const missing = this.#serverLayers(wanted).filter((id) => !this.#options.serverLayerIds.includes(id));
    if (missing.length === 0) return null;
    return new PlimsollError({
      code: 'server-layers-differ',
      message: `the server extracts its layers ${this.#options.serverLayerIds.join(', ')}; the recipe needs ${missing.join(', ')}`,
      value: missing.join(', '),
      limit: this.#options.serverLayerIds.join(', '),
      hint: `start the server with eagle_aux_hidden_state_layer_ids [${this.#serverLayers(wanted).join(', ')}]`,
    });
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

  async answer(request: AnswerRequest, signal?: AbortSignal): Promise<Answer> {
    const { prompt, tokensMax, temperature, seed } = request;
    const { choices, kv_transfer_params: extracted } = await this.#complete(
      { prompt, max_tokens: tokensMax, temperature, seed },
      signal,
    );
    if (extracted?.hidden_states_path !== undefined) await this.#remove(extracted.hidden_states_path);
    const [choice] = choices;
    return { text: choice?.text ?? '', isWhole: choice?.finish_reason === 'stop' };
  }

  async close(): Promise<void> {}

  async #captureOne(
    prompt: readonly number[],
    wanted: WantedStates,
    signal: AbortSignal | undefined,
  ): Promise<CaptureOutcome> {
    try {
      const { kv_transfer_params: extracted } = await this.#complete(
        { prompt, max_tokens: 1, temperature: 0 },
        signal,
      );
      const path = extracted?.hidden_states_path;
      if (path === undefined) throw noExtraction(this.#server.url);
      const file = await readStatesFile(this.#localPath(path), {
        secondsMax: this.#options.fileSecondsMax,
        signal,
      });
      await this.#remove(path);
      return this.#read(file, prompt, wanted);
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      if (error.code === 'states-file') return { kind: 'failed', reason: error.message, isRetryable: true };
      if (!promptFailureCodes.has(error.code)) throw error;
      return { kind: 'failed', reason: error.message, isRetryable: error.code === 'target-overloaded' };
    }
  }

  async #complete(body: object, signal: AbortSignal | undefined): Promise<z.infer<typeof completion>> {
    return this.#server.post({
      route: '/v1/completions',
      body: { model: this.#options.model, ...body },
      schema: completion,
      answerBytesMax,
      signal,
    });
  }

  #read(file: StatesFile, prompt: readonly number[], wanted: WantedStates): CaptureOutcome {
    const failed = (reason: string): CaptureOutcome => ({ kind: 'failed', reason, isRetryable: false });
    const { serverLayerIds, finalNorm } = this.#options;
    if (file.tokenIds.join() !== prompt.join()) return failed('the file belongs to another prompt');
    const shape = [prompt.length, serverLayerIds.length, this.hiddenSize];
    if (file.shape.join() !== shape.join())
      return failed(`the states have shape [${file.shape.join(', ')}], not [${shape.join(', ')}]`);
    const places = this.#serverLayers(wanted).map((id) => serverLayerIds.indexOf(id));
    const columns = (some: readonly number[]): Float32Array => this.#columns(file, some);
    const layers = wanted.layerIds.length === 0 ? null : columns(places.slice(0, wanted.layerIds.length));
    const final = wanted.hasFinal ? normalised(columns(places.slice(-1)), finalNorm) : null;
    return checkedStates(
      { layers, final },
      { wanted, tokenCount: prompt.length, hiddenSize: this.hiddenSize },
    );
  }

  /** [tokens, some layers x hidden size] */
  #columns({ values, shape }: StatesFile, places: readonly number[]): Float32Array {
    const [tokenCount = 0, layerCount = 0] = shape;
    const size = this.hiddenSize;
    const joined = new Float32Array(tokenCount * places.length * size);
    for (let token = 0; token < tokenCount; token++) {
      for (const [index, place] of places.entries()) {
        const start = (token * layerCount + place) * size;
        joined.set(values.subarray(start, start + size), (token * places.length + index) * size);
      }
    }
    return joined;
  }

  #serverLayers({ layerIds, hasFinal }: WantedStates): readonly number[] {
    return [...layerIds.map((id) => id + 1), ...(hasFinal ? [this.layerCount] : [])];
  }

  /** Only the name counts: a server must not choose a file outside the folder. */
  #localPath(path: string): string {
    return join(this.#options.folder, basename(path));
  }

  async #remove(path: string): Promise<void> {
    await rm(this.#localPath(path), { force: true });
  }
}

/** RMS norm of each row. */
function normalised(rows: Float32Array, { weight, epsilon }: VllmTargetOptions['finalNorm']): Float32Array {
  const size = weight.length;
  const result = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += size) {
    const row = rows.subarray(start, start + size);
    const square = row.reduce((sum, value) => sum + value * value, 0) / size;
    const scale = 1 / Math.sqrt(square + epsilon);
    for (const [column, value] of row.entries())
      result[start + column] = value * scale * (weight[column] ?? 0);
  }
  return result;
}

function noExtraction(url: string): PlimsollError {
  return new PlimsollError({
    code: 'no-extraction',
    message: `${url} answered without hidden_states_path`,
    value: url,
    limit: 'a server with the speculative method extract_hidden_states',
    hint: 'start it with --speculative-config and --kv-transfer-config as docs/draft-training.md shows',
  });
}
