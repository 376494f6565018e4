/**
 * The profile `sglang`: the memory of an SGLang process on a device, and the number of tokens that it caches. SGLang
 * measures the free memory before and after it loads the weights, leaves a share of the former free, and gives the rest
 * to its pools; it does not profile a step. Activations, graphs and tables must fit in the free share.
 *
 *   rest = free after the weights - free before them x (1 - mem_fraction_static)
 *   (sglang/srt/model_executor/model_runner.py, profile_max_num_token; from 0.5.16 mem_cache/kv_cache_configurator.py)
 */
import { bytes, formatCount } from '@plimsoll/foundation';
import { checkParallelism, type Parallelism } from '../../bytes/parallelism.ts';
import { weightFormatNames } from '../../bytes/weight-format.ts';
import { type EngineFigures, fixedDeviceBytes } from '../../deployment/deployment.ts';
import { deviceSpeed } from '../../question/plan-input.ts';
import { type Question, questionFormats } from '../../question/question.ts';
import { speedModel } from '../../speed/speed-model.ts';
import { cacheChange, checkpointChanges } from '../contract/checkpoint-changes.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { poolChanges } from './changes.ts';
import { checkSglang } from './checks.ts';
import { sglangCommand } from './command.ts';
import type { SglangDeployment } from './deployment.ts';
import { sglangFace } from './face.ts';
import { startNotes } from './notes.ts';
import type { SglangOptions } from './options.ts';
import type { Pools } from './pools.ts';
import { sglangRelease } from './release.ts';
import { sglangSettings, usualKvFormat } from './settings.ts';
import { type PrintedMemory, prepareStages, type Stage } from './stages.ts';
import { sglangStart } from './start.ts';
import type { SglangSettings, Start } from './start-settings.ts';

export const sglang: EngineProfile<SglangOptions, 'sglang'> = {
  ...sglangFace,
  weightFormats: weightFormatNames,
  prepare: (question) => prepareSglang(question),
  refusal: (question) => refusalOf(() => sglang.prepare(question)),
  start: (question) => sglangStart({ prepare: prepareSglang, changes: sglang.changes }, question),
  cacheChanges: (question) => cacheChange(question, sharedFlag(sglangFace, 'kv')),
  changes: (question, current) => [
    ...poolChanges(question, current),
    ...checkpointChanges(sglang, question, current),
  ],
  flagsForUsers: () => '',
};

export function prepareSglang(
  asAsked: Question<SglangOptions>,
  log: { readonly date?: string | undefined; readonly printed?: PrintedMemory | undefined } = {},
): SglangDeployment {
  const request = { ...asAsked, elementType: asAsked.elementType ?? typeOnDevice(asAsked) };
  const { hardware, spec, options = {}, workload } = request;
  const release = sglangRelease({ version: request.engineVersion, date: log.date });
  const { weights: format, kv } = questionFormats({
    ...request,
    kvFormat: request.kvFormat ?? usualKvFormat(spec, hardware),
  });
  const layout = deviceLayout(request);
  checkParallelism(layout, spec);
  checkSglang(request, kv, release);
  const start = {
    spec,
    hardware,
    parallelism: request.parallelism,
    release,
    contextLength: workload.contextTokens,
  };
  const { settings, added } = settingsFor(start, options, workload.users);
  const { stage } = prepareStages({
    ...{ request, format, kvFormat: kv, settings, release, layout },
    printed: log.printed ?? null,
  });
  const { pools } = stage;
  const roomBytes = hardware.memory.usableBytes - fixedDeviceBytes(stage.fixed);
  const { data } = request.parallelism;
  return {
    engine: sglangFace.name,
    engineVersion: release.version,
    command: sglangCommand({
      ...{ request: asAsked, base: format.base, kvFormat: kv, added, release },
      contextLength: settings.contextLength,
    }),
    formats: { weights: format.label, kvCache: kv },
    cacheIsFixed: false,
    ...{ release, settings, stage, pools },
    devices: devicesOf(request),
    capacityBytes: bytes(hardware.memory.usableBytes),
    fixed: stage.fixed,
    poolBytes: pools.tokens > 0 ? Math.min(pools.kvBytes, roomBytes) : roomBytes,
    groups: stage.groups,
    dataGroups: data,
    contextMax: spec.contextLength,
    sequencesMax: pools.requests * data,
    sequencesLimit: requestLimit(pools, settings, data),
    // Without chunks, a step takes whole prompts.
    stepTokensMax: settings.chunkedPrefillSize > 0 ? settings.chunkedPrefillSize : spec.contextLength,
    weightBytes: stage.weights.bytes,
    sequenceBytes: (contextTokens) => sequenceBytes(stage, settings, contextTokens),
    speed: speedModel({
      ...{ spec, format, groups: stage.groups, parallelism: layout },
      ...deviceSpeed({ ...request, engine: sglangFace.name }),
    }),
    printed: figuresOf(pools, settings),
    stateBlocks: pools.state?.slots ?? null,
    notes: startNotes({ request, release, settings, pools, added }),
  };
}

/** Returns the type of a checkpoint on the device: cards without bfloat16 hold bfloat16 checkpoints as float16. */
function typeOnDevice({ spec, hardware }: Question): Question['elementType'] {
  const capability = Number(hardware.computeCapability ?? 9);
  return spec.elementType === 'bf16' && capability < 8 ? 'fp16' : undefined;
}

/**
 * Returns the split of a replica: attention groups divide the tensor-parallel devices, other groups are whole replicas.
 */
function deviceLayout({ parallelism, options }: Question<SglangOptions>): Parallelism {
  const { tensor, data } = parallelism;
  return options?.dpAttention === true && tensor % data === 0
    ? { ...parallelism, tensor: tensor / data }
    : { ...parallelism, data: 1 };
}

function devicesOf({ parallelism, options }: Question<SglangOptions>): number {
  const { tensor, pipeline, data } = parallelism;
  return tensor * pipeline * (options?.dpAttention === true ? 1 : data);
}

/**
 * Returns settings with a limit of requests that equals the users, if SGLang's own limit is lower for another reason
 * than memory.
 */
function settingsFor(
  start: Omit<Start, 'options'>,
  options: SglangOptions,
  users: number,
): { readonly settings: SglangSettings; readonly added: SglangOptions } {
  const settings = sglangSettings({ ...start, options });
  const least = settings.maxRunningRequests ?? requestsMin;
  const data = start.parallelism.data;
  if (options.maxRunningRequests !== undefined || users <= least * data) return { settings, added: {} };
  const added = { maxRunningRequests: options.dpAttention === true ? users : Math.ceil(users / data) };
  return { settings: sglangSettings({ ...start, options: { ...options, ...added } }), added };
}

/** The engine's own limit is never lower (_resolve_max_num_reqs). */
const requestsMin = 2048;

/** Returns the bytes of the pools that one sequence takes: its share of the pool that fills first. */
function sequenceBytes(
  { pools, layout, groups }: Stage,
  settings: SglangSettings,
  contextTokens: number,
): number {
  const pages = (tokens: number): number => Math.ceil(tokens / settings.pageSize) * settings.pageSize;
  const whole = pages(contextTokens);
  const { window } = layout;
  if (pools.tokens <= 0 || window === null || pools.windowTokens === null || pools.windowTokens <= 0) {
    let bytesPerToken = 0;
    for (const group of groups) bytesPerToken += (group.layers * group.entryBytes) / group.tokensPerEntry;
    return Math.floor(whole * bytesPerToken);
  }
  const kept = Math.min(whole, pages(window.windowTokens) + settings.pageSize);
  // Rounded down, so that the sequences that fill a pool exactly do not exceed it by a fraction of a byte.
  return Math.floor(Math.max(whole / pools.tokens, kept / pools.windowTokens) * pools.kvBytes);
}

function requestLimit({ requests, state }: Pools, settings: SglangSettings, data: number): string {
  const each = data === 1 ? '' : ` (${formatCount(requests)} in each of ${data} groups)`;
  const byState = state !== null && requests === Math.floor(state.slots / state.perRequest);
  const name = byState ? 'the slots of recurrent state, --max-mamba-cache-size' : '--max-running-requests';
  return settings.maxRunningRequests === requests ? `--max-running-requests${each}` : `${name}${each}`;
}

function figuresOf({ tokens }: Pools, { pageSize, contextLength }: SglangSettings): EngineFigures {
  return {
    kvTokens: tokens,
    blocks: Math.floor(tokens / pageSize),
    blockTokens: pageSize,
    concurrency: tokens / contextLength,
  };
}
