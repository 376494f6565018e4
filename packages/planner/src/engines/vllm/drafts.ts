/**
 * Drafters of speculative decoding: what they load and cache (vllm/config/speculative.py; vllm/v1/spec_decode). A model's own
 * prediction layers and a drafter of its own have attention layers in the same cache; n-grams have none.
 */

import { bytes } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type CacheGroup, cacheGroups } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import { type WeightFormat, weightFormat } from '../../bytes/weight-format.ts';
import { deviceWeights } from '../../bytes/weights.ts';
import { stateElementBytes } from '../../question/plan-input.ts';
import type { VllmOptions } from './options.ts';

/** Where drafts come from: nowhere, prompts, the model's prediction layers, a drafter that shares the model's vocabulary, a whole model. */
export type DraftKind = 'none' | 'prompts' | 'prediction-layers' | 'attached' | 'model';

/** Tokens per step where neither the flag nor the drafter states a number. */
const usualTokens = 1;

export function draftSettings(options: VllmOptions): {
  readonly speculativeTokens: number;
  readonly drafts: DraftKind;
} {
  const { speculative, speculativeTokens = 0 } = options;
  if (speculative === undefined)
    return { speculativeTokens, drafts: speculativeTokens > 0 ? 'prediction-layers' : 'none' };
  return { speculativeTokens: speculative.tokens ?? usualTokens, drafts: draftKind(options) };
}

function draftKind({ speculative, draft }: VllmOptions): DraftKind {
  const method = speculative?.method ?? '';
  if (/^(ngram|ngram_gpu|suffix)$/.test(method)) return 'prompts';
  if (method === 'mtp' || method.endsWith('_mtp')) return 'prediction-layers';
  if (draft === undefined) return 'prediction-layers';
  return /^(eagle|eagle3|dflash|dspark|medusa|mlp_speculator)$/.test(method) || isAttached(draft.spec)
    ? 'attached'
    : 'model';
}

/** Published drafters of these kinds say so in their names. */
function isAttached({ id }: ModelSpec): boolean {
  return /eagle|dflash|dspark|medusa|speculator/i.test(id);
}

/** A drafter as it is loaded: an attached one reads the model's embedding, and the model's head where the vocabularies are equal. */
export function loadedDrafter(spec: ModelSpec, target: ModelSpec, kind: DraftKind): ModelSpec {
  if (kind === 'model') return spec;
  const sharesHead = spec.vocabSize === target.vocabSize;
  const tensors = spec.tensors.filter(
    ({ role }) => role !== 'token-embedding' && !(role === 'lm-head' && sharesHead),
  );
  return { ...spec, tensors, vision: null };
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

/** Cache of the model with the layers of its drafter: layers that cache alike are one group. */
export function withDrafterGroups(
  groups: readonly CacheGroup[],
  drafter: ModelSpec | null,
  cache: { readonly kvFormat: KvFormat; readonly tensor: number; readonly format: WeightFormat },
): readonly CacheGroup[] {
  if (drafter === null) return groups;
  const { kvFormat, tensor, format } = cache;
  const added = cacheGroups(drafter, {
    ...{ kvFormat, tensor, layers: [0, drafter.layers.length] as const },
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
    left.kind === right.kind &&
    left.entryBytes === right.entryBytes &&
    left.tokensPerEntry === right.tokensPerEntry &&
    left.tokensMax === right.tokensMax &&
    left.stateBytes === right.stateBytes
  );
}
