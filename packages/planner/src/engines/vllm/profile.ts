/**
 * The profile `vllm`: what a vLLM process holds on a device and how many tokens it then caches.
 *
 *   available = utilisation x total - weights - activation peak - non-torch - CUDA graphs (from 0.20)
 *   (vllm/v1/worker/gpu_worker.py, determine_available_memory)
 *
 * A pipeline has as many pools as stages; the engine uses the smallest, and prints the first stage's.
 */
import { assert, bytes, formatCount, PlimsollError } from '@plimsoll/foundation';
import { checkParallelism, type Parallelism } from '../../bytes/parallelism.ts';
import { weightFormatNames } from '../../bytes/weight-format.ts';
import { stageWeights } from '../../bytes/weights.ts';
import type { EngineFigures } from '../../deployment/deployment.ts';
import { deviceSpeed } from '../../question/plan-input.ts';
import { type Question, questionFormats } from '../../question/question.ts';
import { speedModel } from '../../speed/speed-model.ts';
import { cacheChange, checkpointChanges } from '../contract/checkpoint-changes.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { batchChanges, utilizationChange } from './changes.ts';
import { checkVllm } from './checks.ts';
import { vllmCommand } from './command.ts';
import { type VllmSettings, vllmSettings } from './defaults.ts';
import type { VllmDeployment } from './deployment.ts';
import { withDisabledWindows } from './disabled-windows.ts';
import { vllmFace } from './face.ts';
import type { BlockLayout } from './kv-blocks.ts';
import { residentFormat, residentSpec } from './loaded-weights.ts';
import { profileNotes, raisedNotes, startNotes } from './notes.ts';
import type { VllmOptions } from './options.ts';
import { type VllmRelease, vllmRelease } from './release.ts';
import { modelRunner } from './runner.ts';
import { contextBytes } from './runtime.ts';
import { statedDrafter } from './speculative-option.ts';
import { prepareStage, type Stage } from './stage.ts';
import { vllmStart } from './start.ts';
import { unlikeMemory } from './unlike-devices.ts';

export const vllm: EngineProfile<VllmOptions, 'vllm'> = {
  ...vllmFace,
  weightFormats: weightFormatNames,
  prepare: prepareChecked,
  refusal: (question) => refusalOf(() => vllm.prepare(question)),
  start: (question) => vllmStart({ prepare: prepareChecked, changes: vllm.changes }, question),
  cacheChanges: (question) => cacheChange(question, sharedFlag(vllmFace, 'kv')),
  changes: (question, current) => [
    ...utilizationChange(question, current),
    ...batchChanges(question),
    ...checkpointChanges(vllm, question, current),
  ],
  flagsForUsers: () => '',
};

function prepareChecked(question: Question<VllmOptions>): VllmDeployment {
  checkParallelism(question.parallelism, question.spec);
  return prepareVllm(question);
}

export function prepareVllm(asAsked: Question<VllmOptions>, date?: string): VllmDeployment {
  const request = withDisabledWindows(onDevice(asAsked));
  const { hardware, parallelism } = request;
  const release = vllmRelease({ version: request.engineVersion, date, engine: request.options?.core });
  const { settings, raisedFrom } = settingsFor(request, release);
  const { weights: asked, kv } = questionFormats(request);
  checkVllm(request, { kvFormat: kv, release });
  const spec = residentSpec(request.spec, { settings, release, hardware, tensor: parallelism.tensor });
  const format = residentFormat(asked);
  const runner = modelRunner({ ...request, release, speculative: statedDrafter(request.options ?? {}) });
  const loaded = { request: { ...request, spec, kvFormat: kv }, format, release, runner, settings };
  const stages = stageWeights(spec, format, parallelism).map((weights, index) =>
    prepareStage({ ...loaded, weights, index }),
  );
  const [first] = stages;
  assert(first !== undefined, 'a pipeline has at least one stage');
  const tightest = stages.reduce((least, stage) => (stage.blocks < least.blocks ? stage : least));
  const { layout } = tightest;
  const poolBytes = tightest.blocks > 0 ? tightest.blocks * layout.blockBytes : tightest.availableBytes;
  return {
    engine: vllmFace.name,
    engineVersion: release.version,
    command: vllmCommand({
      ...{ request: asAsked, settings, release, kvFormat: kv },
      base: asked.base,
      setsSequences: raisedFrom !== null || request.options?.maxNumSeqs !== undefined,
    }),
    formats: { weights: asked.label, kvCache: kv },
    cacheIsFixed: false,
    ...{ release, settings, layout },
    stages: stages.length,
    ...cacheFields(stages, tightest),
    ...unlikeFields(request, stages, tightest),
    runner,
    graphBytes: first.graphBytes,
    capacityBytes: bytes(tightest.hardware.memory.usableBytes),
    fixed: tightest.fixed,
    poolBytes,
    groups: tightest.groups,
    dataGroups: parallelism.data,
    // --max-model-len follows the plan: how long it could be is a question of memory.
    contextMax: request.options?.maxModelLen ?? spec.contextLength,
    sequencesMax: settings.sequences * parallelism.data,
    sequencesLimit: sequencesLimit(settings, parallelism.data),
    stepTokensMax: settings.batchedTokens,
    weightBytes: tightest.weights.bytes,
    sequenceBytes: (contextTokens) => layout.steadyBlocks(contextTokens) * layout.blockBytes,
    // Tokens in flight belong to a step, not to every sequence: their room is needed once.
    poolBytesFor: (users, contextTokens) => {
      const steady = layout.steadyBlocks(contextTokens);
      const sequences = Math.ceil(users / parallelism.data);
      return (sequences * steady + layout.sequenceBlocks(contextTokens) - steady) * layout.blockBytes;
    },
    speed: speedModel({
      spec,
      format,
      groups: tightest.groups,
      parallelism,
      ...deviceSpeed({ ...request, hardware: tightest.hardware, engine: vllmFace.name }),
    }),
    printed: engineFigures(layout, tightest.blocks, settings, release),
    notes: [
      ...profileNotes(release, format),
      ...startNotes(request, kv, asked.base),
      ...raisedNotes(request, settings, raisedFrom),
    ],
    startUp: { availableBytes: first.availableBytes, weightBytes: first.weights.bytes, fixed: first.fixed },
  };
}

/** Figures that the start-up checks compare. */
function cacheFields(
  stages: readonly Stage[],
  tightest: Stage,
): Pick<
  VllmDeployment,
  | 'freeAtStartBytes'
  | 'availableBytes'
  | 'leastAvailableBytes'
  | 'blocks'
  | 'stateBlocks'
  | 'wholeModelBytes'
  | 'captureShortBytes'
> {
  return {
    freeAtStartBytes: tightest.hardware.memory.usableBytes - contextBytes(tightest.hardware),
    availableBytes: tightest.availableBytes,
    leastAvailableBytes: Math.min(...stages.map(({ availableBytes }) => availableBytes)),
    blocks: tightest.blocks,
    stateBlocks: tightest.groups.some(({ kind }) => kind === 'state') ? tightest.blocks : null,
    captureShortBytes: Math.max(
      ...stages.map((stage) => captureNeed(stage, tightest.blocks) - stage.hardware.memory.usableBytes),
    ),
    wholeModelBytes: (contextTokens) =>
      stages.reduce((sum, { layout }) => sum + layout.sequenceBlocks(contextTokens) * layout.blockBytes, 0),
  };
}

/** The device that the ledger describes and what every device holds, where devices are unlike. */
function unlikeFields(
  request: Question<VllmOptions>,
  stages: readonly Stage[],
  tightest: Stage,
): Pick<VllmDeployment, 'hardware' | 'perDevice'> {
  const perDevice = unlikeMemory(request, stages, tightest.blocks);
  return perDevice === undefined ? {} : { hardware: tightest.hardware, perDevice };
}

function sequencesLimit({ sequences }: VllmSettings, groups: number): string {
  return groups === 1
    ? '--max-num-seqs'
    : `--max-num-seqs (${formatCount(sequences)} in each of ${groups} groups)`;
}

/** Memory of a device while graphs are captured: activations of the profiling run are free again, the cache is allocated. */
function captureNeed(stage: Stage, blocks: number): number {
  const held = stage.fixed.filter(
    ({ category, tag, tier }) =>
      tier === 'device' && category !== 'activations' && category !== 'headroom' && tag !== 'CUDA graphs',
  );
  const heldBytes = held.reduce((sum, entry) => sum + entry.bytes, 0);
  const cacheBytes = blocks * stage.layout.blockBytes;
  return contextBytes(stage.hardware) + heldBytes + cacheBytes + stage.graphBytes + stage.collectiveBytes;
}

/** The split with the layers of each stage, where VLLM_PP_LAYER_PARTITION states them. */
function partitioned({ parallelism, options, spec }: Question<VllmOptions>): Parallelism {
  const stageLayers = options?.layerPartition;
  if (stageLayers === undefined) return parallelism;
  const sum = stageLayers.reduce((total, layers) => total + layers, 0);
  if (stageLayers.length === parallelism.pipeline && sum === spec.layers.length)
    return { ...parallelism, stageLayers };
  throw new PlimsollError({
    code: 'bad-layer-partition',
    message: `a partition of ${stageLayers.join(',')} layers does not deal ${spec.layers.length} layers to ${parallelism.pipeline} stages`,
    value: stageLayers.join(','),
    limit: `${parallelism.pipeline} numbers with the sum ${spec.layers.length}`,
  });
}

/** The mode `data` of encoders, by either flag. */
function cutsNoEncoder(options: VllmOptions | undefined): boolean {
  return options?.encoderMode === 'data' || options?.wholeEncoders === true;
}

/** The question with the type and the split that the engine starts with. */
function onDevice(asked: Question<VllmOptions>): Question<VllmOptions> {
  const elementType = asked.elementType ?? typeOnDevice(asked);
  const parallelism = { ...partitioned(asked), wholeVision: cutsNoEncoder(asked.options) };
  return { ...asked, elementType, parallelism };
}

/** Cards without bfloat16 hold such checkpoints as float16. */
function typeOnDevice(asked: Question<VllmOptions>): Question<VllmOptions>['elementType'] {
  const { spec, hardware, devices = [hardware] } = asked;
  const isOld = devices.some(({ computeCapability }) => Number(computeCapability ?? 9) < 8);
  return spec.elementType === 'bf16' && isOld ? 'fp16' : undefined;
}

/** As many sequences as there are users, unless a person set another number; `raisedFrom` is then the release's own. */
function settingsFor(
  request: Question<VllmOptions>,
  release: VllmRelease,
): { readonly settings: VllmSettings; readonly raisedFrom: number | null } {
  const asked = { maxModelLen: request.workload.contextTokens, ...request.options };
  const settings = vllmSettings(asked, release, request.spec, request.hardware);
  const users = Math.ceil(request.workload.users / request.parallelism.data);
  if (users <= settings.sequences || asked.maxNumSeqs !== undefined) return { settings, raisedFrom: null };
  const raised = vllmSettings({ ...asked, maxNumSeqs: users }, release, request.spec, request.hardware);
  return { settings: raised, raisedFrom: raised.sequences > settings.sequences ? settings.sequences : null };
}

/** "GPU KV cache size: N tokens" and "Maximum concurrency", by each release's own arithmetic. */
export function engineFigures(
  layout: BlockLayout,
  blocks: number,
  settings: VllmSettings,
  release: VllmRelease,
): EngineFigures {
  const { maxModelLen } = settings;
  const perRequest = layout.sequenceBlocks(maxModelLen);
  const concurrency = blocks / perRequest;
  const perGroup = Math.floor(blocks / layout.groups) * layout.blockTokens * settings.contextParallel;
  const kvTokens = release.number >= 20.02 ? Math.floor(concurrency * maxModelLen) : perGroup;
  return {
    kvTokens,
    blocks,
    blockTokens: layout.blockTokens,
    concurrency: release.number < 9 ? kvTokens / maxModelLen : concurrency,
  };
}
