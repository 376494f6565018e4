/**
 * The model that proposes tokens: its weights, and its cache, which has a place for every token of the model's own
 * pool. EAGLE drafts and the prediction layers of a checkpoint use the model's embedding and head; a standalone draft
 * has its own.
 */
import type { LayerSpec, ModelSpec, TensorSpec } from '@plimsoll/model-files/spec';
import { cacheGroups } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import { type WeightFormat, weightFormat } from '../../bytes/weight-format.ts';
import { deviceWeights } from '../../bytes/weights.ts';
import { stateElementBytes } from '../../question/plan-input.ts';
import type { Question } from '../../question/question.ts';
import type { SglangOptions } from './options.ts';
import type { SglangSettings } from './start-settings.ts';

export interface Draft {
  /** Bytes of the weights on one device. */
  readonly weightBytes: number;
  readonly layers: number;
  /** Bytes of a token in the draft's own pool on one device. */
  readonly cellBytes: number;
  readonly kind: 'eagle' | 'standalone' | 'block';
}

interface DraftInput {
  readonly request: Question<SglangOptions>;
  readonly format: WeightFormat;
  readonly kvFormat: KvFormat;
  readonly settings: SglangSettings;
  readonly layout: Parallelism;
}

/** Returns null without speculation, and for a draft whose shapes are unknown. */
export function draftOf(input: DraftInput): Draft | null {
  const { request, format, kvFormat, settings, layout } = input;
  const { speculation } = settings;
  if (speculation === null) return null;
  const spec = draftSpec(request, speculation.kind);
  if (spec === null) return null;
  const own = request.options?.draft === undefined ? format : weightFormat(spec, {});
  // A draft has no pipeline stages: it runs on the devices of the last stage.
  const weights = deviceWeights(spec, own, { ...layout, pipeline: 1 });
  const groups = cacheGroups(spec, {
    kvFormat,
    tensor: settings.attentionTensor,
    layers: [0, spec.layers.length],
    ...stateElementBytes(spec, own),
    keepsWholeWindowedLayers: true,
  });
  let cellBytes = 0;
  for (const group of groups) cellBytes += (group.layers * group.entryBytes) / group.tokensPerEntry;
  return { weightBytes: weights.bytes, layers: spec.layers.length, cellBytes, kind: speculation.kind };
}

function draftSpec({ spec, options }: Question<SglangOptions>, kind: Draft['kind']): ModelSpec | null {
  const given = options?.draft?.spec;
  if (given !== undefined)
    return kind === 'standalone' ? given : { ...given, tensors: given.tensors.filter(isOwn) };
  if (spec.predictionLayers.length === 0) return null;
  return predictionSpec(spec, spec.predictionLayers);
}

/** Returns true for tensors that an EAGLE draft does not share with the model: all but embedding and head. */
function isOwn({ role }: TensorSpec): boolean {
  return role !== 'token-embedding' && role !== 'lm-head';
}

function predictionSpec(spec: ModelSpec, layers: readonly LayerSpec[]): ModelSpec {
  return {
    ...spec,
    id: `${spec.id} prediction layers`,
    layers,
    tensors: [],
    vision: null,
    predictionLayers: [],
  };
}
