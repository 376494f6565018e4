/** Prepares each pipeline stage: the memory that its devices hold, and the pools that fit in the rest. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { CacheGroup } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Parallelism } from '../../bytes/parallelism.ts';
import { weightEntries } from '../../bytes/weight-entries.ts';
import { elementBytes, parseElementType, type WeightFormat } from '../../bytes/weight-format.ts';
import { type DeviceWeights, stageWeights } from '../../bytes/weights.ts';
import { fixedDeviceBytes } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import { type CacheLayout, cacheLayout, type LayoutInput } from './cache-layout.ts';
import { contextBytes } from './card.ts';
import { type Draft, draftOf } from './draft.ts';
import { headroomEntry, heldEntries, requestTableBytes } from './entries.ts';
import { copiesLayer } from './four-bit-cache.ts';
import { residentSpec } from './loaded-weights.ts';
import type { SglangOptions } from './options.ts';
import { type Pools, sizePools } from './pools.ts';
import type { SglangRelease } from './release.ts';
import type { SglangSettings } from './start-settings.ts';

/** Free memory that a log printed, in bytes; null if it printed none. */
export interface PrintedMemory {
  readonly beforeBytes: number | null;
  readonly afterBytes: number | null;
  readonly draftBytes: number | null;
}

export interface Stage {
  readonly fixed: readonly LedgerEntry[];
  readonly weights: DeviceWeights;
  readonly draft: Draft | null;
  readonly freeBeforeBytes: number;
  /** Free bytes after the model's own weights. */
  readonly freeAfterBytes: number;
  readonly layout: CacheLayout;
  readonly pools: Pools;
  readonly groups: readonly CacheGroup[];
  readonly tableBytes: number;
}

export interface StagesInput {
  readonly request: Question<SglangOptions>;
  readonly format: WeightFormat;
  readonly kvFormat: KvFormat;
  readonly settings: SglangSettings;
  readonly release: SglangRelease;
  /** Split of weights and caches, with attention groups as `data`. */
  readonly layout: Parallelism;
  readonly printed: PrintedMemory | null;
}

/**
 * Prepares all stages. Every stage uses the tokens of the stage with the fewest (_apply_token_constraints: the least
 * over pipeline ranks).
 */
export function prepareStages(input: StagesInput): { readonly stage: Stage; readonly stages: number } {
  const { request, format, settings, layout } = input;
  const spec = residentSpec(request.spec, { settings, options: request.options ?? {} });
  const perStage = stageWeights(spec, format, layout);
  const alone = perStage.map((weights) => prepareStage(input, spec, weights, null));
  const fewest = alone.reduce((least, stage) => (stage.pools.tokens < least.pools.tokens ? stage : least));
  const most = fewest.pools.tokens;
  if (alone.length === 1 || most <= 0) return { stage: fewest, stages: alone.length };
  const synced = perStage.map((weights) => prepareStage(input, spec, weights, most));
  const fullest = synced.reduce((least, stage) => (spareBytes(stage) < spareBytes(least) ? stage : least));
  return { stage: fullest, stages: synced.length };
}

function spareBytes({ freeAfterBytes, pools }: Stage): number {
  return freeAfterBytes - pools.kvBytes - (pools.state?.bytes ?? 0);
}

function prepareStage(
  input: StagesInput,
  spec: ModelSpec,
  weights: DeviceWeights,
  tokensMax: number | null,
): Stage {
  const { request, format, kvFormat, release, settings, layout, printed } = input;
  const { hardware, parallelism } = request;
  const ranks = parallelism.tensor * parallelism.pipeline;
  const context = contextBytes(hardware, ranks);
  // A log that prints only the free memory after the load had the weights' bytes more before it.
  const printedAfter = printed?.afterBytes ?? null;
  const ownBytes = hardware.memory.usableBytes - context.bytes;
  const freeBeforeBytes =
    printed?.beforeBytes ?? (printedAfter === null ? ownBytes : printedAfter + weights.bytes);
  const freeAfterBytes = printed?.afterBytes ?? freeBeforeBytes - weights.bytes;
  const draft = draftOf({ request, format, kvFormat, settings, layout });
  // Until 0.5.13 SGLang loads the draft after it sizes the pools, from 0.5.14 before.
  const isCounted = release.number >= 5.14;
  const draftBytes = printed?.draftBytes ?? draft?.weightBytes ?? 0;
  const cache = cacheLayout({
    ...{ spec: request.spec, kvFormat, settings, release },
    isAmd: hardware.vendor === 'AMD',
    copiesLayer: kvFormat === 'nvfp4' && copiesLayer(hardware, release),
    layers: weights.layers,
    ...stateTypes(request),
    draft: isCounted ? draft : null,
  });
  const pools = sizePools({
    freeBeforeBytes,
    freeAfterBytes: freeAfterBytes - (isCounted ? draftBytes : 0),
    ...{ layout: cache, settings, release, tokensMax },
  });
  const held = [
    ...weightEntries(spec, weights, format, layout),
    ...heldEntries({ hardware, settings, cache, pools, draft, context, ranks }),
  ];
  const headroom = headroomEntry({
    capacityBytes: hardware.memory.usableBytes,
    heldBytes: fixedDeviceBytes(held),
    poolBytes: pools.tokens > 0 ? pools.kvBytes : 0,
    leftAloneBytes: pools.tokens > 0 ? null : Math.round(freeBeforeBytes * (1 - settings.memFractionStatic)),
    share: settings.memFractionStatic,
  });
  return {
    fixed: [...held, headroom],
    ...{ weights, draft, freeBeforeBytes, freeAfterBytes, layout: cache, pools },
    groups: cache.groups,
    tableBytes: requestTableBytes(pools.requests, settings),
  };
}

/**
 * Returns the types of states: recurrent state is fp32 unless the checkpoint or a flag names another type; convolution
 * tails are always bf16.
 */
function stateTypes({
  spec,
  options,
}: Question<SglangOptions>): Pick<LayoutInput, 'recurrentElementBytes' | 'convolutionElementBytes'> {
  const asked = options?.mambaStateType;
  const recurrent = asked === undefined ? (spec.recurrentType ?? 'fp32') : parseElementType(asked);
  return {
    recurrentElementBytes: elementBytes[recurrent ?? 'fp32'],
    convolutionElementBytes: elementBytes.bf16,
  };
}
