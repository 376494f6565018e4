/**
 * Further contexts that llama-server creates for speculative decoding (tools/server/server-context.cpp, load_model;
 * common/speculative.cpp, common_base_params_to_speculative): a draft model with weights of its own, or the prediction
 * layers of the model itself.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
import type { Question } from '../../question/question.ts';
import { modelNames } from '../paste/model-names.ts';
import { ggmlName } from './cache-types.ts';
import { type BackendMemory, type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { deviceIndex, type Machine } from './machine.ts';
import type { LlamaCppOptions } from './options.ts';

export interface Companion {
  readonly title: string;
  /** True if the context runs on weights that the model has loaded. */
  readonly sharesWeights: boolean;
  readonly start: LlamaCppInput;
}

/** The mixture of a draft whose name states none: drafts are small and mostly published in 8 bits. */
const usualDraftMixture = 'Q8_0';

/** `--spec-draft-n-max` of llama-server. */
const usualDraftTokens = 3;

export function companionsOf(
  { spec, options = {}, devices: all }: Question<LlamaCppOptions>,
  target: LlamaCppInput,
  machine: Machine,
): readonly Companion[] {
  const { draft } = options;
  const isPredicted = options.speculation?.includes('draft-mtp') === true;
  if (draft === undefined && !(isPredicted && spec.predictionLayers.length > 0)) return [];
  const shared = {
    ...target,
    outputs: target.sequences ?? 1,
    rollbackStates: 0,
    keyType: options.draftKeyFormat === undefined ? 'f16' : ggmlName(options.draftKeyFormat),
    valueType: options.draftValueFormat === undefined ? 'f16' : ggmlName(options.draftValueFormat),
  };
  if (draft === undefined)
    return [
      { title: 'prediction layers', sharesWeights: true, start: { ...shared, spec: predictionSpec(spec) } },
    ];
  const { overrides: _overrides, cpuExpertLayers: _experts, deviceShares: _shares, ...rest } = shared;
  const named = options.draftDeviceNames?.map((name) => deviceIndex(name, all ?? machine.devices));
  const shares = machine.indices.map((index) => (named === undefined || named.includes(index) ? 1 : 0));
  const start: LlamaCppInput = {
    ...rest,
    spec: draft.spec,
    fileType: draftMixture(draft),
    gpuLayers: options.draftGpuLayers ?? 'all',
    ...(shares.length > 1 && { deviceShares: shares }),
    // A draft on a single device does not inherit the division (speculative.cpp, common_base_params_to_speculative).
    ...(named?.length === 1 && { division: undefined }),
    contextTokens: options.draftContextTokens ?? target.contextTokens,
  };
  return [{ title: 'draft model', sharesWeights: false, start }];
}

/** Null for a GGUF file, which states the type of each tensor. */
export function draftMixture({ spec, reference }: NonNullable<LlamaCppOptions['draft']>): string | null {
  if (spec.source === 'gguf') return null;
  return modelNames(reference ?? spec.id)[0]?.weights ?? usualDraftMixture;
}

/** A model of the prediction layers alone, with the embedding and the head of the model. */
function predictionSpec(spec: ModelSpec): ModelSpec {
  return remember(predictionMemo, spec, '', () => ({
    ...spec,
    layers: spec.predictionLayers,
    predictionLayers: [],
  }));
}

/** Loaded models are remembered by their spec, so that the same spec is made once. */
const predictionMemo = createMemo<ModelSpec>();

export interface SpeculationState {
  /** Recurrent states per sequence to which a rejected draft returns. */
  readonly rollbackStates?: number;
  /** Rows of logits per sequence beside the sampled token. */
  readonly draftRows?: number;
  readonly loadsPredictionLayers?: boolean;
}

/** What speculation adds to the context of the model itself (common.h, need_n_rs_seq; server_output_limits). */
export function speculationState({ spec, options = {} }: Question<LlamaCppOptions>): SpeculationState {
  const types = options.speculation ?? (options.draft === undefined ? [] : ['draft-simple' as const]);
  const tokens = Math.max(0, ...types.map((type) => draftLength(type, options.draftTokensMax)));
  const isPredicted = types.includes('draft-mtp');
  return {
    ...(isPredicted &&
      rollsBack.test(spec.family) && { rollbackStates: options.draftTokensMax ?? usualDraftTokens }),
    ...(tokens > 0 && { draftRows: tokens }),
    ...(isPredicted && spec.predictionLayers.length > 0 && { loadsPredictionLayers: true }),
  };
}

/** Families whose recurrent states return to an earlier token (llama-arch.cpp, llm_arch_supports_rs_rollback). */
const rollsBack = /^(kimi|qwen3_5|qwen4|deepseek_v4|nemotron_h|lfm2|bailing)/;

/** Longest drafts of each type (common_speculative_n_max); sizes of n-grams have flags that change no memory. */
function draftLength(
  type: NonNullable<LlamaCppOptions['speculation']>[number],
  asked: number | undefined,
): number {
  if (type === 'none') return 0;
  if (type.startsWith('draft-')) return asked ?? usualDraftTokens;
  if (type === 'ngram-cache') return 8;
  return type === 'ngram-mod' ? 64 : 48;
}

/** Memory of a companion. Weights that it shares with the model count as 0. */
export interface CompanionMemory extends EngineMemory {
  readonly title: string;
}

/** Memory of the companions of a start with this context and these slots. */
export function companionMemory(
  companions: readonly Companion[],
  target: Pick<LlamaCppInput, 'contextTokens' | 'sequences'>,
  sizesGraphs = true,
): readonly CompanionMemory[] {
  return companions.map(({ start, sharesWeights, title }) => {
    const sequences = target.sequences ?? 1;
    const contextTokens = Math.min(start.contextTokens, target.contextTokens);
    const memory = engineMemory({ ...start, contextTokens, sequences, outputs: sequences }, sizesGraphs);
    const own = (part: BackendMemory): BackendMemory => (sharesWeights ? { ...part, weights: 0 } : part);
    return { ...memory, devices: memory.devices.map(own), host: own(memory.host), title };
  });
}
