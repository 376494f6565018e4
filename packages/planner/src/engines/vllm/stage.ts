/** One pipeline stage of a start: the entries that it holds, its cache and the blocks of the cache. */
import { bytes, GiB } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { cacheGroups } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import { elementBytes, parseElementType, type WeightFormat } from '../../bytes/weight-format.ts';
import type { DeviceWeights } from '../../bytes/weights.ts';
import { stateElementBytes } from '../../question/plan-input.ts';
import type { Question } from '../../question/question.ts';
import { activationPeak } from './activation.ts';
import { type Captures, captures } from './captures.ts';
import type { VllmSettings } from './defaults.ts';
import { drafterWeights, loadedDrafter, withDrafterGroups } from './drafts.ts';
import { balanceEntry } from './expert-balance.ts';
import { type BlockLayout, blockLayout } from './kv-blocks.ts';
import { loraEntry } from './lora.ts';
import { stageEntries } from './offload.ts';
import type { VllmOptions } from './options.ts';
import { poolOf } from './pool.ts';
import type { VllmRelease } from './release.ts';
import type { ModelRunner } from './runner.ts';
import { collectiveBytes, graphBytes, reservesGraphs, runtimeEntries } from './runtime.ts';
import { skippedLayers } from './skipped-layers.ts';
import { statedDrafter } from './speculative-option.ts';
import { stageDevice } from './unlike-devices.ts';

export interface Stage {
  /** The smallest device of the stage. */
  readonly hardware: HardwareRecord;
  readonly fixed: readonly LedgerEntry[];
  readonly weights: DeviceWeights;
  readonly availableBytes: number;
  readonly layout: BlockLayout;
  readonly blocks: number;
  readonly groups: ReturnType<typeof cacheGroups>;
  readonly captures: Captures;
  /** CUDA graphs, whether or not the share pays for them. */
  readonly graphBytes: number;
  readonly reservesGraphs: boolean;
  /** Buffers of collectives that are captured in graphs. */
  readonly collectiveBytes: number;
}

export interface StageInput {
  /** With the spec as it is loaded. */
  readonly request: Question<VllmOptions> & { readonly kvFormat: KvFormat };
  readonly format: WeightFormat;
  readonly release: VllmRelease;
  readonly runner: ModelRunner;
  readonly settings: VllmSettings;
  readonly weights: DeviceWeights;
  readonly index: number;
}

export function prepareStage(input: StageInput): Stage {
  const { format, release, runner, settings, weights } = input;
  const hardware = stageDevice(input.request, input.index);
  const request = { ...input.request, hardware };
  const { spec, parallelism, kvFormat } = request;
  const drafter = drafterOf(input);
  // V0 gives a drafter devices of its own number; V1 cuts it like the model.
  const statedTensor = release.engine === 'V0' ? statedDrafter(request.options ?? {})?.tensor : null;
  const draftTensor = statedTensor ?? parallelism.tensor;
  const runtime = {
    ...{ request, settings, release, runner },
    captures: captures(settings, release, { hardware, kvFormat }),
    stageLayers: weights.layers[1] - weights.layers[0],
    drafterLayers: drafter?.layers.length ?? 0,
  };
  const lora = loraEntry({
    ...{ spec, settings, release, parallelism, layers: weights.layers },
    elementBytes: elementBytes[format.base],
  });
  const balance = balanceEntry(spec, weights, settings.balance);
  const held: readonly LedgerEntry[] = [
    ...stageEntries({ spec, weights, format, parallelism }, settings.offload),
    ...(lora === null ? [] : [lora]),
    ...(balance === null ? [] : [balance]),
    ...(drafter === null
      ? []
      : [drafterWeights(drafter, { format, parallelism: { ...parallelism, tensor: draftTensor } })]),
    activationEntry({ ...input, request }),
    ...runtimeEntries(runtime),
    ...offloadedCache(settings),
  ];
  const keepsWholeWindowedLayers = !settings.manager.isOn && keepsWholeWindows(spec, release);
  const own = cacheGroups(spec, {
    kvFormat,
    tensor: parallelism.tensor,
    layers: weights.layers,
    ...stateElementBytes(spec, format, format.base),
    ...stateTypes(request.options),
    speculativeTokens: settings.speculativeTokens,
    keepsWholeWindowedLayers,
    otherFormat: skippedLayers(request.spec, {
      kvFormat,
      base: format.base,
      skips: request.options?.cacheSkips ?? [],
    }),
  });
  const groups = withDrafterGroups(own, drafter, {
    ...{ kvFormat, tensor: draftTensor, format },
    keepsWholeWindowedLayers,
  });
  const layout = blockLayout(groups, settings);
  return {
    ...poolOf(held, layout, { hardware, settings }),
    ...{ hardware, weights, layout, groups, captures: runtime.captures },
    graphBytes: graphBytes(runtime),
    reservesGraphs: reservesGraphs(runtime),
    collectiveBytes: collectiveBytes(runtime),
  };
}

/** A model whose layers all have a window keeps the window without the manager too, from 0.9 on. */
function keepsWholeWindows({ layers }: ModelSpec, release: VllmRelease): boolean {
  return release.number < 9 || layers.some(({ attention }) => attention.kind === 'full');
}

/** Widths of recurrent and convolution states where flags state their types. */
function stateTypes(options: VllmOptions | undefined): {
  readonly recurrentElementBytes?: number;
  readonly convolutionElementBytes?: number;
} {
  const recurrent = parseElementType(options?.mambaSsmCacheType ?? options?.mambaCacheType ?? '');
  const convolution = parseElementType(options?.mambaCacheType ?? '');
  return {
    ...(recurrent !== null && { recurrentElementBytes: elementBytes[recurrent] }),
    ...(convolution !== null && { convolutionElementBytes: elementBytes[convolution] }),
  };
}

/** The drafter of the last stage; null elsewhere and where the model drafts for itself. */
function drafterOf({ request, settings, release, index }: StageInput): ModelSpec | null {
  const draft = request.options?.draft;
  const isLast = index === request.parallelism.pipeline - 1;
  if (draft === undefined || !isLast || !['attached', 'model'].includes(settings.drafts)) return null;
  return loadedDrafter(draft.spec, { target: request.spec, kind: settings.drafts, release });
}

function activationEntry(input: StageInput): LedgerEntry {
  const { request, format, release, runner, settings, index } = input;
  const { spec, hardware, parallelism } = request;
  const activation = activationPeak({
    ...{ spec, format, hardware, parallelism, settings, release, runner },
    isFirst: index === 0,
    isLast: index === parallelism.pipeline - 1,
  });
  return {
    category: 'activations',
    tag: 'profiling peak',
    tier: 'device',
    bytes: bytes(Math.round(activation.bytes)),
    derivation: {
      formula: activation.formula,
      substituted: activation.substituted,
      source: 'vllm/v1/worker/gpu_model_runner.py, profile_run',
    },
  };
}

/** Host memory for blocks that leave the device. */
function offloadedCache({ kvOffloadBytes }: VllmSettings): readonly LedgerEntry[] {
  if (kvOffloadBytes === 0) return [];
  return [
    {
      category: 'kv-cache',
      tag: 'offloaded blocks',
      tier: 'host',
      bytes: bytes(kvOffloadBytes),
      derivation: {
        formula: '--kv-offloading-size',
        substituted: `${kvOffloadBytes / GiB} GiB`,
        source: 'vllm/config/cache.py, kv_offloading_size',
      },
    },
  ];
}
