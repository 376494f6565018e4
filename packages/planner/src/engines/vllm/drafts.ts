/**
 * Drafters of speculative decoding: their weights and their cache (vllm/config/speculative.py; vllm/v1/spec_decode). The
 * attention layers of a drafter, or of the model's own prediction layers, share the model's cache; n-grams have no layers.
 */

import { bytes } from '@plimsoll/foundation';
import type { ModelSpec, TensorSpec } from '@plimsoll/model-files/spec';
import { type CacheGroup, cacheGroups } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import { type WeightFormat, weightFormat } from '../../bytes/weight-format.ts';
import { deviceWeights } from '../../bytes/weights.ts';
import { stateElementBytes } from '../../question/plan-input.ts';
import { withoutWindow } from './disabled-windows.ts';
import type { VllmOptions } from './options.ts';
import type { VllmRelease } from './release.ts';
import { type SpeculativeConfig, statedDrafter } from './speculative-option.ts';

/** The source of drafts: none, prompts, the model's prediction layers, a drafter that reads the model's hidden states, a whole model. */
export type DraftKind = 'none' | 'prompts' | 'prediction-layers' | 'attached' | 'model';

/** Tokens per step where neither the flag nor the drafter states a number. */
const usualTokens = 1;

export function draftSettings(options: VllmOptions): {
  readonly speculativeTokens: number;
  readonly drafts: DraftKind;
} {
  const { speculativeTokens = 0 } = options;
  const stated = statedDrafter(options);
  if (stated === null)
    return { speculativeTokens, drafts: speculativeTokens > 0 ? 'prediction-layers' : 'none' };
  const trained = options.draft?.spec.drafter?.tokens;
  return { speculativeTokens: stated.tokens ?? trained ?? usualTokens, drafts: draftKind(stated, options) };
}

function draftKind(stated: SpeculativeConfig, { draft }: VllmOptions): DraftKind {
  const method = stated.method ?? '';
  if (/^(ngram|ngram_gpu|suffix)$/.test(method)) return 'prompts';
  if (method === 'mtp' || method.endsWith('_mtp')) return 'prediction-layers';
  if (draft === undefined) return 'prediction-layers';
  return /^(eagle|eagle3|dflash|dspark|medusa|mlp_speculator)$/.test(method) || isAttached(draft.spec)
    ? 'attached'
    : 'model';
}

/** A published drafter says so in its config, or at least in its name. */
function isAttached({ id, drafter }: ModelSpec): boolean {
  return drafter !== undefined || /eagle|dflash|dspark|medusa|speculator/i.test(id);
}

/**
 * A drafter as vLLM loads it. An attached drafter reads the embedding of the model where it has the same shape, and the head
 * too, except that EAGLE3 trains a head of its own (llm_base_proposer.py, _maybe_share_embeddings and _maybe_share_lm_head).
 */
export function loadedDrafter(
  spec: ModelSpec,
  {
    target,
    kind,
    release,
  }: { readonly target: ModelSpec; readonly kind: DraftKind; readonly release: VllmRelease },
): ModelSpec {
  if (kind === 'model') return spec;
  const ownsHead = spec.drafter?.kind === 'eagle3';
  const isShared = ({ role, shape }: TensorSpec): boolean => {
    if (role === 'lm-head' && ownsHead) return false;
    const isVocabulary = role === 'token-embedding' || role === 'lm-head';
    return isVocabulary && shape[0] === target.vocabSize && shape[1] === target.hiddenSize;
  };
  const tensors = spec.tensors.filter((tensor) => !isShared(tensor));
  const layers = release.number < drafterWindowsFrom ? spec.layers.map(withoutWindow) : spec.layers;
  return { ...spec, layers, tensors: [...tensors, ...contextProjection(spec)], vision: null };
}

/** Release that honours windows of drafters; 0.24 does not (qwen3_dflash.py, _resolve_layer_attention). */
const drafterWindowsFrom = 26;

/**
 * DFlash and DSpark write keys and values of the context by one projection for all layers, a copy of the layers' own
 * (qwen3_dflash.py, _build_fused_kv_buffers).
 */
function contextProjection({ drafter, layers, hiddenSize }: ModelSpec): readonly TensorSpec[] {
  if (drafter?.kind !== 'dflash' && drafter?.kind !== 'dspark') return [];
  let rows = 0;
  for (const { attention } of layers)
    if ('kvHeads' in attention) rows += attention.kvHeads * (attention.keyHeadDim + attention.valueHeadDim);
  return rows === 0 ? [] : [{ name: 'fused_kv_weight', role: 'attention-k', shape: [rows, hiddenSize] }];
}

export function drafterWeights(
  drafter: ModelSpec,
  { format, parallelism }: { readonly format: WeightFormat; readonly parallelism: Parallelism },
): LedgerEntry {
  const own =
    drafter.quantization === null ? weightFormat(drafter, { base: format.base }) : weightFormat(drafter);
  const held = deviceWeights(drafter, own, { ...parallelism, pipeline: 1 }).bytes;
  return {
    category: 'weights',
    tag: 'drafter',
    tier: 'device',
    bytes: bytes(held),
    derivation: {
      formula: 'layers and head of the drafter on a device',
      substituted: String(held),
      source: 'vllm/v1/spec_decode, load_model',
    },
  };
}

/**
 * Cache of the model with the layers of its drafter. Layers of equal specs are one group: heads of another number or width
 * make another spec, even where a token takes the same bytes.
 */
export function withDrafterGroups(
  groups: readonly CacheGroup[],
  drafter: ModelSpec | null,
  cache: {
    readonly kvFormat: KvFormat;
    readonly tensor: number;
    readonly format: WeightFormat;
    readonly keepsWholeWindowedLayers: boolean;
  },
): readonly CacheGroup[] {
  if (drafter === null) return groups;
  const { kvFormat, tensor, format, keepsWholeWindowedLayers } = cache;
  const added = cacheGroups(drafter, {
    ...{ kvFormat, tensor, layers: [0, drafter.layers.length] as const, keepsWholeWindowedLayers },
    ...stateElementBytes(drafter, format, format.base),
  });
  const merged = [...groups];
  for (const group of added) {
    const at = merged.findIndex((known) => cachesAlike(known, group));
    const known = merged[at];
    if (known === undefined) merged.push(group);
    else merged[at] = { ...known, layers: known.layers + group.layers };
  }
  return merged;
}

function cachesAlike(left: CacheGroup, right: CacheGroup): boolean {
  return (
    left.tag === right.tag &&
    left.terms === right.terms &&
    left.entryBytes === right.entryBytes &&
    left.tokensPerEntry === right.tokensPerEntry &&
    left.tokensMax === right.tokensMax &&
    left.stateBytes === right.stateBytes
  );
}
