/**
 * The profile `vllm`: what a vLLM process holds on a device and how many tokens it then caches.
 *
 *   available = utilisation x total - weights - activation peak - non-torch - CUDA graphs (from 0.20)
 *   (vllm/v1/worker/gpu_worker.py, determine_available_memory)
 *
 * A pipeline has as many pools as stages; the engine uses the smallest, and prints the first stage's.
 */
import { assert, bytes, formatCount } from '@plimsoll/foundation';
import type { ElementType } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { cacheGroups } from '../../bytes/kv-cache.ts';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import { checkParallelism } from '../../bytes/parallelism.ts';
import { weightEntries } from '../../bytes/weight-entries.ts';
import { type WeightFormat, weightFormatNames } from '../../bytes/weight-format.ts';
import { type DeviceWeights, stageWeights } from '../../bytes/weights.ts';
import { type EngineFigures, fixedDeviceBytes } from '../../deployment/deployment.ts';
import { deviceSpeed, stateElementBytes } from '../../question/plan-input.ts';
import { type Question, questionFormats } from '../../question/question.ts';
import { speedModel } from '../../speed/speed-model.ts';
import { cacheChange, checkpointChanges, checkpointName } from '../contract/checkpoint-changes.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { activationPeak } from './activation.ts';
import { batchChanges, utilizationChange } from './changes.ts';
import { checkVllm } from './checks.ts';
import { checkpointNeeded, hasCacheFlag, vllmCommand } from './command.ts';
import { type VllmSettings, vllmSettings } from './defaults.ts';
import type { VllmDeployment } from './deployment.ts';
import { vllmFace } from './face.ts';
import { type BlockLayout, blockLayout } from './kv-blocks.ts';
import { residentFormat, residentSpec } from './loaded-weights.ts';
import type { VllmOptions } from './options.ts';
import { type VllmRelease, vllmRelease } from './release.ts';
import { contextBytes, graphBytes, headroomEntry, runtimeEntries } from './runtime.ts';
import { vllmStart } from './start.ts';

/** One pipeline stage: its entries, what is left, and how it is cut into blocks. */
interface Stage {
  readonly fixed: readonly LedgerEntry[];
  readonly weights: DeviceWeights;
  readonly availableBytes: number;
  readonly layout: BlockLayout;
  readonly blocks: number;
  readonly groups: ReturnType<typeof cacheGroups>;
}

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
  const request = { ...asAsked, elementType: asAsked.elementType ?? typeOnDevice(asAsked) };
  const { hardware, parallelism } = request;
  const release = vllmRelease({ version: request.engineVersion, date, engine: request.options?.core });
  const { settings, raisedFrom } = settingsFor(request, release);
  const { weights: asked, kv } = questionFormats(request);
  checkVllm(request, kv);
  const spec = residentSpec(request.spec, { settings, release, hardware, tensor: parallelism.tensor });
  const format = residentFormat(asked);
  const perStage = stageWeights(spec, format, parallelism);
  const stages = perStage.map((weights, index) =>
    prepareStage({ request: { ...request, spec, kvFormat: kv }, format, release, settings, weights, index }),
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
    release,
    settings,
    layout,
    stages: stages.length,
    ...cacheFields(stages, tightest, hardware),
    graphBytes: graphBytes(request, settings),
    capacityBytes: bytes(hardware.memory.usableBytes),
    fixed: tightest.fixed,
    poolBytes,
    groups: tightest.groups,
    dataGroups: parallelism.data,
    // --max-model-len follows the plan: how long it could be is a question of memory.
    contextMax: request.options?.maxModelLen ?? spec.contextLength,
    sequencesMax: settings.sequences * parallelism.data,
    sequencesLimit:
      parallelism.data === 1
        ? '--max-num-seqs'
        : `--max-num-seqs (${formatCount(settings.sequences)} in each of ${parallelism.data} groups)`,
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
      ...deviceSpeed({ ...request, engine: vllmFace.name }),
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

/** What the start is checked with. */
function cacheFields(
  stages: readonly Stage[],
  tightest: Stage,
  hardware: HardwareRecord,
): Pick<
  VllmDeployment,
  'freeAtStartBytes' | 'availableBytes' | 'blocks' | 'stateBlocks' | 'wholeModelBytes'
> {
  return {
    freeAtStartBytes: hardware.memory.usableBytes - contextBytes(hardware),
    availableBytes: tightest.availableBytes,
    blocks: tightest.blocks,
    stateBlocks: tightest.groups.some(({ kind }) => kind === 'state') ? tightest.blocks : null,
    wholeModelBytes: (contextTokens) =>
      stages.reduce((sum, { layout }) => sum + layout.sequenceBlocks(contextTokens) * layout.blockBytes, 0),
  };
}

/** Cards without bfloat16 hold such checkpoints as float16. */
function typeOnDevice({ spec, hardware }: Question<VllmOptions>): Question<VllmOptions>['elementType'] {
  const capability = Number(hardware.computeCapability ?? 9);
  return spec.elementType === 'bf16' && capability < 8 ? 'fp16' : undefined;
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

function prepareStage(input: {
  readonly request: Question<VllmOptions> & {
    readonly kvFormat: NonNullable<Question<VllmOptions>['kvFormat']>;
  };
  readonly format: WeightFormat;
  readonly release: VllmRelease;
  readonly settings: VllmSettings;
  readonly weights: DeviceWeights;
  readonly index: number;
}): Stage {
  const { request, format, release, settings, weights, index } = input;
  const { spec, hardware, parallelism } = request;
  const activation = activationPeak({
    ...{ spec, format, hardware, parallelism, settings, release },
    isFirst: index === 0,
    isLast: index === parallelism.pipeline - 1,
  });
  const held: readonly LedgerEntry[] = [
    ...weightEntries(spec, weights, format, parallelism),
    {
      category: 'activations',
      tag: 'profiling peak',
      tier: 'device',
      bytes: bytes(Math.round(activation.bytes)),
      derivation: {
        formula: activation.formula,
        substituted: activation.substituted,
        source: 'vllm/v1/worker/gpu_model_runner.py, profile_run',
      },
    },
    ...runtimeEntries(request, settings, release),
  ];
  const fixed = [...held, headroomEntry(hardware, settings)];
  const groups = cacheGroups(spec, {
    kvFormat: request.kvFormat,
    tensor: parallelism.tensor,
    layers: weights.layers,
    ...stateElementBytes(spec, format, format.base),
    speculativeTokens: settings.speculativeTokens,
    keepsWholeWindowedLayers: release.number < 9,
  });
  const layout = blockLayout(groups, settings);
  const availableBytes = hardware.memory.usableBytes - fixedDeviceBytes(fixed);
  const blocks =
    availableBytes > 0 && layout.blockBytes > 0 ? Math.floor(availableBytes / layout.blockBytes) : 0;
  return { fixed, weights, availableBytes, layout, blocks, groups };
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
  const perGroup = Math.floor(blocks / layout.groups) * layout.blockTokens;
  const kvTokens = release.number >= 20 ? Math.floor(concurrency * maxModelLen) : perGroup;
  return {
    kvTokens,
    blocks,
    blockTokens: layout.blockTokens,
    concurrency: release.number < 9 ? kvTokens / maxModelLen : concurrency,
  };
}

/** What the command alone cannot do. */
function startNotes(
  request: Question<VllmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): readonly string[] {
  const found: string[] = [];
  if (!hasCacheFlag(kvFormat, base)) {
    found.push(
      `no flag of vLLM keeps a KV cache in ${kvFormat} for a model in ${base}: --dtype float32 makes both so`,
    );
  }
  const needed = checkpointNeeded(request);
  if (needed === null) return found;
  return [
    ...found,
    `vLLM does not make ${needed} weights while it loads: the command needs ${checkpointName(needed)} in place of ${request.spec.id}`,
  ];
}

function raisedNotes(
  request: Question<VllmOptions>,
  { sequences, batchedTokens }: VllmSettings,
  raisedFrom: number | null,
): readonly string[] {
  if (raisedFrom === null) return [];
  const most = sequences === batchedTokens ? ', the most that --max-num-batched-tokens allows' : '';
  return [
    `--max-num-seqs is ${formatCount(sequences)} here instead of ${formatCount(raisedFrom)}${most}, for the ${formatCount(request.workload.users)} users asked; activations grow with it`,
  ];
}

function profileNotes(release: VllmRelease, format: WeightFormat): readonly string[] {
  const notes: string[] = [];
  if (release.from !== 'version')
    notes.push(`vLLM ${release.version} assumed; name another with --engine vllm@VERSION`);
  if (format.label.includes('read from the name'))
    notes.push('the quantisation scheme was read from the model name');
  return notes;
}
