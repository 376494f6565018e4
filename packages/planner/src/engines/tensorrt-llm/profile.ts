/**
 * The profile `tensorrt-llm`, for its PyTorch backend. The engine runs dummy prompts with a small cache, and gives the
 * cache a share of the memory that is then free:
 *
 *   tokens = free_gpu_memory_fraction x (total - peak + temporary cache) / bytes of a token
 *   (tensorrt_llm/_torch/pyexecutor/_util.py, KvCacheCreator)
 *
 * Layers with a window count as full layers, as in 1.1; later releases give each window size its own pool.
 */
import { bytes, GiB } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import facts from '@plimsoll/registry/engines/tensorrt-llm.json' with { type: 'json' };
import { type CacheGroup, cacheGroups } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import { checkParallelism, type Parallelism } from '../../bytes/parallelism.ts';
import { weightEntries } from '../../bytes/weight-entries.ts';
import { elementBytes, type WeightFormat, weightFormatNames } from '../../bytes/weight-format.ts';
import { type DeviceWeights, deviceWeights } from '../../bytes/weights.ts';
import { type Deployment, fixedDeviceBytes } from '../../deployment/deployment.ts';
import { deviceSpeed, stateElementBytes } from '../../question/plan-input.ts';
import { type Question, questionFormats } from '../../question/question.ts';
import { speedModel } from '../../speed/speed-model.ts';
import { checkpointChanges } from '../contract/checkpoint-changes.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { startIfFits } from '../contract/start-check.ts';
import { fractionChange } from './changes.ts';
import { checkTensorrtLlm } from './checks.ts';
import { startFile, startNotes, tensorrtLlmCommand } from './command.ts';
import { tensorrtLlmFace } from './face.ts';
import type { TensorrtLlmOptions } from './options.ts';
import { blockTokens, engineVersion } from './release.ts';

export interface TensorrtLlmDeployment extends Deployment {
  readonly fraction: number;
  /** Bytes of a token in the layers of the stage with the most layers. */
  readonly tokenBytes: number;
  /** Bytes of the cache in the estimation pass. */
  readonly temporaryBytes: number;
  readonly kvTokens: number;
}

export const tensorrtLlm: EngineProfile<TensorrtLlmOptions, 'tensorrt-llm'> = {
  ...tensorrtLlmFace,
  weightFormats: weightFormatNames,
  prepare: (question) => prepareTensorrtLlm(question),
  refusal: (question) => refusalOf(() => tensorrtLlm.prepare(question)),
  start: (question, current) => startIfFits(tensorrtLlm, question, current),
  changes: (question, current) => [
    ...fractionChange(question, current),
    ...checkpointChanges(tensorrtLlm, question, current),
  ],
  flagsForUsers: () => '',
};

export function prepareTensorrtLlm(question: Question<TensorrtLlmOptions>): TensorrtLlmDeployment {
  const { spec, hardware, options = {}, workload, parallelism } = question;
  const { weights: format, kv } = questionFormats(question);
  const layout = layoutOf(question);
  checkParallelism(layout, spec);
  checkTensorrtLlm(question, kv);
  const version = engineVersion(question.engineVersion);
  const block = blockTokens(version);
  const weights = deviceWeights(spec, format, layout);
  const groups = groupsOf(spec, kv, format, { layout, weights });
  const tokenBytes = groups.reduce((sum, group) => sum + group.layers * group.entryBytes, 0);
  const settings = {
    maxNumTokens: options.maxNumTokens ?? facts.defaults.maxNumTokens,
    maxBatchSize: options.maxBatchSize ?? facts.defaults.maxBatchSize,
  };
  const held = [
    ...weightEntries(spec, weights, format, layout),
    activationEntry(spec, format, layout, settings),
    outsideEntry(question),
  ];
  const fraction = options.freeGpuMemoryFraction ?? facts.defaults.freeGpuMemoryFraction;
  const capacityBytes = bytes(hardware.memory.usableBytes);
  const temporaryBytes = temporaryTokens(settings.maxNumTokens, workload.contextTokens, block) * tokenBytes;
  // The peak of the estimation pass includes this cache, and the engine adds it back.
  const free = capacityBytes - fixedDeviceBytes(held);
  const kvTokens = tokensOf({ free, fraction, tokenBytes, block, most: options.cacheTokensMax ?? null });
  const poolBytes = kvTokens > 0 ? kvTokens * tokenBytes : Math.min(0, free);
  const headroom = headroomEntry(capacityBytes, fixedDeviceBytes(held), Math.max(0, poolBytes), fraction);
  const { data } = layout;
  return {
    engine: tensorrtLlmFace.name,
    engineVersion: version,
    command: tensorrtLlmCommand(question, kv, format.base),
    formats: { weights: format.label, kvCache: kv },
    cacheIsFixed: false,
    ...{ fraction, tokenBytes, temporaryBytes, kvTokens, capacityBytes, poolBytes, groups },
    devices: parallelism.tensor * parallelism.pipeline,
    fixed: [...held, headroom],
    dataGroups: data,
    contextMax: spec.contextLength,
    sequencesMax: settings.maxBatchSize * data,
    sequencesLimit: '--max_batch_size',
    stepTokensMax: settings.maxNumTokens,
    weightBytes: weights.bytes,
    sequenceBytes: (contextTokens) => Math.ceil(contextTokens / block) * block * tokenBytes,
    speed: speedModel({
      ...{ spec, format, groups, parallelism: layout },
      ...deviceSpeed({ ...question, engine: tensorrtLlmFace.name }),
    }),
    printed: {
      kvTokens,
      blocks: Math.floor(kvTokens / block),
      blockTokens: block,
      concurrency: kvTokens / workload.contextTokens,
    },
    startFile: startFile(question, kv, format.base),
    notes: startNotes(question, kv, format.base),
  };
}

/** With attention data parallelism, every device is a data-parallel group; TensorRT-LLM has no other groups. */
function layoutOf({ parallelism, options }: Question<TensorrtLlmOptions>): Parallelism {
  const { tensor } = parallelism;
  return options?.attentionDp === true
    ? { ...parallelism, tensor: 1, data: tensor }
    : { ...parallelism, data: 1 };
}

function groupsOf(
  spec: ModelSpec,
  kvFormat: KvFormat,
  format: WeightFormat,
  { layout, weights }: { readonly layout: Parallelism; readonly weights: DeviceWeights },
): readonly CacheGroup[] {
  return cacheGroups(spec, {
    kvFormat,
    tensor: layout.tensor,
    layers: weights.layers,
    ...stateElementBytes(spec, format),
    keepsWholeWindowedLayers: true,
  });
}

/** Returns the tokens of the dummy prompts and of their answers, in whole blocks (_get_token_num_for_estimation). */
function temporaryTokens(maxNumTokens: number, contextTokens: number, block: number): number {
  const prompt = Math.min(maxNumTokens, Math.max(1, contextTokens - 1));
  const prompts = Math.ceil(maxNumTokens / prompt);
  return prompts * Math.ceil((prompt + 2) / block) * block;
}

function tokensOf(room: {
  readonly free: number;
  readonly fraction: number;
  readonly tokenBytes: number;
  readonly block: number;
  readonly most: number | null;
}): number {
  const { free, fraction, tokenBytes, block, most } = room;
  if (tokenBytes === 0) return most ?? 0;
  const tokens = Math.max(0, Math.floor((free * fraction) / tokenBytes));
  return Math.ceil(Math.min(tokens, most ?? tokens) / block) * block;
}

function activationEntry(
  spec: ModelSpec,
  format: WeightFormat,
  { tensor }: Parallelism,
  { maxNumTokens, maxBatchSize }: { readonly maxNumTokens: number; readonly maxBatchSize: number },
): LedgerEntry {
  const { hiddenCopies, logitBytes, fitted } = facts.activations;
  const base = elementBytes[format.base];
  const inner = Math.ceil(widestLayer(spec) / tensor);
  const rows = Math.min(maxBatchSize, maxNumTokens);
  const total =
    maxNumTokens * (3 * inner + hiddenCopies * spec.hiddenSize) * base + rows * spec.vocabSize * logitBytes;
  return {
    category: 'activations',
    tag: 'estimation pass',
    tier: 'device',
    bytes: bytes(total),
    derivation: {
      formula:
        'tokens x (3 x intermediate + copies x hidden) x bytes + sequences x vocabulary x bytes per logit',
      substituted: `${maxNumTokens} x (3 x ${inner} + ${hiddenCopies} x ${spec.hiddenSize}) x ${base} + ${rows} x ${spec.vocabSize} x ${logitBytes}`,
      source: 'tensorrt_llm/_torch/pyexecutor/_util.py, configure_kv_cache_capacity',
      fitted,
    },
  };
}

function widestLayer({ layers }: ModelSpec): number {
  let widest = 0;
  for (const { mlp } of new Set(layers)) {
    if (mlp.kind === 'dense') widest = Math.max(widest, mlp.intermediateSize);
    if (mlp.kind === 'moe')
      widest = Math.max(
        widest,
        mlp.sharedIntermediateSize + mlp.expertsPerToken * mlp.expertIntermediateSize,
      );
  }
  return widest;
}

function outsideEntry({ hardware, parallelism }: Question): LedgerEntry {
  const { gib, linkedGib, fitted } = facts.outsideTorch;
  const isLinked = parallelism.tensor > 1 && hardware.links.some(({ kind }) => kind === 'nvlink');
  const held = isLinked ? gib + linkedGib : gib;
  return {
    category: 'runtime',
    tag: 'outside torch',
    tier: 'device',
    bytes: bytes(Math.round(held * GiB)),
    derivation: {
      formula: 'context, libraries, CUDA graphs and collectives',
      substituted: `${held} GiB`,
      source: 'tensorrt_llm/_torch/pyexecutor/_util.py; measured',
      fitted,
    },
  };
}

function headroomEntry(capacity: number, held: number, pool: number, fraction: number): LedgerEntry {
  const free = Math.max(0, capacity - held - pool);
  return {
    category: 'headroom',
    tag: 'above free_gpu_memory_fraction',
    tier: 'device',
    bytes: bytes(free),
    derivation: {
      formula: `total - held - cache, which takes ${fraction} of the rest`,
      substituted: free === 0 ? '0' : `${capacity} - ${held} - ${pool}`,
      source: 'tensorrt_llm/_torch/pyexecutor/_util.py, KvCacheCreator',
    },
  };
}
