/**
 * The profile `llama.cpp`: turns a question into a deployment by the allocation rules of this folder. llama.cpp allocates the
 * whole cache when it starts, so that the profile computes the memory of every context and number of slots separately.
 */
import { bytes } from '@plimsoll/foundation';
import { elementCount, type ModelSpec } from '@plimsoll/model-files/spec';
import { cacheGroups } from '../../bytes/kv-cache.ts';
import { deviceCount, type Parallelism } from '../../bytes/parallelism.ts';
import { weightFormat } from '../../bytes/weight-format.ts';
import type { Deployment } from '../../deployment/deployment.ts';
import { ggufSpec } from '../../gguf-recipes/gguf-spec.ts';
import { deviceSpeed, stateElementBytes } from '../../question/plan-input.ts';
import type { Question } from '../../question/question.ts';
import type { SpeedAssumptions } from '../../speed/assumptions.ts';
import { speedAssumptions } from '../../speed/assumptions.ts';
import { speedModel } from '../../speed/speed-model.ts';
import { flashAttentionShares } from '../../speed/speed-table.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { startIfFits } from '../contract/start-check.ts';
import { cacheChanges, llamaCppChanges, slotFlags } from './changes.ts';
import { companionEntries } from './companion-entries.ts';
import { companionsOf } from './companions.ts';
import {
  deviceMemory,
  leastUse,
  neededOfPool,
  poolBytes,
  type StartUse,
  startUse,
  tightestPool,
} from './device-use.ts';
import type { EngineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { newestRelease } from './engine-rules.ts';
import { llamaCppFace } from './face.ts';
import { llamaCppEntries } from './ledger.ts';
import { machineOf } from './machine.ts';
import { contextLimit, llamaCppNotes } from './notes.ts';
import type { LlamaCppOptions } from './options.ts';
import { ownWorkload, startOf } from './own-fit.ts';
import { projectorEntries, projectorOf } from './projector.ts';
import { promptCacheEntries } from './prompt-cache.ts';
import { memoryQuestion, mixtureOf } from './request.ts';
import { startChanges } from './start-changes.ts';
import { llamaCppCommand } from './start-command.ts';

/** The mixtures that people download most, largest first. A question may name every mixture that the planner knows. */
const usualMixtures: readonly string[] = [
  'F16',
  'Q8_0',
  'Q6_K',
  'Q5_K_M',
  'Q4_K_M',
  'Q4_0',
  'IQ4_XS',
  'Q3_K_M',
  'Q2_K',
];

export const llamaCpp: EngineProfile<LlamaCppOptions, 'llama.cpp'> = {
  ...llamaCppFace,
  weightFormats: usualMixtures,
  prepare: prepareLlamaCpp,
  // The remaining work of `prepare` sizes graphs of the whole model and refuses nothing.
  refusal: (question) => refusalOf(() => memoryQuestion(question)),
  start: (question, current) => startIfFits({ ...llamaCpp, changes: startChanges }, question, current),
  cacheChanges,
  changes: llamaCppChanges,
  ownWorkload,
  flagsForUsers: slotFlags,
};

function prepareLlamaCpp(request: Question<LlamaCppOptions>): Deployment {
  const { workload } = request;
  const machine = machineOf(request);
  const question = startOf(request, machine);
  const companions = companionsOf(request, question, machine);
  const projector = projectorOf(request.spec, request.options);
  const parts = { companions, projector };
  const at = (users: number, contextTokens: number, use = startUse): StartUse => {
    const slots = request.usersAreDefault === true ? Math.max(question.sequences ?? 1, users) : users;
    return use({ ...question, sequences: slots, contextTokens: users * contextTokens }, machine, parts);
  };
  const started = at(workload.users, workload.contextTokens);
  const tightest = tightestPool(started.pools);
  const pool = started.pools[tightest];
  const spec = storedSpec(request);
  const format = weightFormat(spec);
  const layout = layoutOf(request, question);
  const groups = cacheGroups(spec, {
    kvFormat: request.options?.keyFormat ?? request.kvFormat ?? 'fp16',
    tensor: layout.tensor,
    layers: [0, spec.layers.length],
    ...stateElementBytes(spec, format),
  });
  const { memory } = started;
  const entries = llamaCppEntries(memory, question, {
    device: tightest,
    unifiedMemory: machine.isUnified,
  });
  return {
    engine: llamaCppFace.name,
    engineVersion: versionLabel(request.engineVersion),
    command: llamaCppCommand(request, question, memory),
    formats: { weights: question.fileType ?? storedLabel(spec), kvCache: cacheLabel(memory) },
    cacheIsFixed: true,
    capacityBytes: bytes(pool?.capacityBytes ?? 0),
    fixed: [
      ...entries,
      ...projectorEntries(tightest === 0 || projector?.onDevice === false ? projector : null),
      ...companionEntries(started.further, tightest, machine.isUnified),
      ...promptCacheEntries(request, memory.options.rules),
    ],
    poolBytes: poolBytes(pool),
    groups,
    ...{ dataGroups: 1, stepTokensMax: memory.options.batchTokens },
    contextMax: Math.max(contextLimit(request), workload.contextTokens),
    sequencesMax: sequencesLimit,
    sequencesLimit: "llama.cpp's LLAMA_MAX_SEQ",
    weightBytes: pool?.weightBytes ?? 0,
    sequenceBytes: (contextTokens) => at(1, contextTokens).pools[tightest]?.cacheBytes ?? 0,
    // Compute buffers grow with the context too, so that they count against the pool.
    poolBytesFor: (users, contextTokens) => neededOfPool(started, at(users, contextTokens)),
    leastPoolBytesFor: (users, contextTokens) => neededOfPool(started, at(users, contextTokens, leastUse)),
    speed: speedModel({
      spec,
      format,
      groups,
      parallelism: layout,
      ...deviceSpeed({
        ...request,
        assumptions: request.assumptions ?? assumptionsWith(request, memory),
      }),
      hostShare: hostShare(memory, spec),
    }),
    printed: null,
    ...((started.pools.length > 1 || request.devices !== undefined) && {
      perDevice: deviceMemory(started, machine),
    }),
    notes: llamaCppNotes(request, { start: question, spec, mixture: mixtureOf(request) }),
  };
}

/** Devices work one after the other, or at once on the parts of each matrix. */
function layoutOf({ parallelism }: Question, { division }: LlamaCppInput): Parallelism {
  const devices = deviceCount(parallelism);
  const isDivided = division?.kind === 'tensors';
  return {
    tensor: isDivided ? devices : 1,
    pipeline: isDivided ? 1 : devices,
    data: 1,
    expertParallel: false,
  };
}

/** The release as asked, or the newest release whose source was read. */
function versionLabel(asked: string | undefined): string {
  if (asked === undefined) return newestRelease;
  return /^\d+$/.test(asked) ? `b${asked}` : /^\d/.test(asked) ? `v${asked}` : asked;
}

/** LLAMA_MAX_SEQ: llama.cpp refuses more slots. */
const sequencesLimit = 256;

/**
 * Raises the fitted efficiencies for flash attention. They come from published speeds on graphics cards, most of which were
 * measured without it; with flash attention, reads of the cache are as efficient as on devices measured with it.
 */
function assumptionsWith(request: Question<LlamaCppOptions>, { options }: EngineMemory): SpeedAssumptions {
  const fitted = speedAssumptions({ hardware: request.hardware, engine: llamaCppFace.name });
  if (!options.flashAttention) return fitted;
  const { cacheEfficiency, attentionEfficiency } = flashAttentionShares;
  return {
    ...fitted,
    cacheEfficiency: Math.max(fitted.cacheEfficiency ?? 0, cacheEfficiency),
    attentionEfficiency: Math.max(fitted.attentionEfficiency ?? 0, attentionEfficiency),
  };
}

/** Share of a step's weight bytes that the step reads from host memory. */
function hostShare(memory: EngineMemory, spec: ModelSpec): number {
  if (memory.devices.length === 0) return 0;
  const device = memory.devices.reduce((sum, part) => sum + part.weights, 0);
  // The embedding always lies in host memory, but a token reads only one row of it.
  const embedding = spec.tensors.find((tensor) => tensor.role === 'token-embedding')?.stored?.bytes ?? 0;
  const host = Math.max(0, memory.host.weights - embedding);
  return host / Math.max(1, host + device);
}

function storedSpec(request: Question): ModelSpec {
  const mixture = mixtureOf(request);
  return mixture === null ? request.spec : ggufSpec(request.spec, mixture);
}

/** "mostly Q4_K, 4.85 bits each": the most frequent type of a file by bytes, and its mean width. */
function storedLabel(spec: ModelSpec): string {
  const bytesByType = new Map<string, number>();
  let elements = 0;
  let total = 0;
  for (const tensor of [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)]) {
    const { type, bytes: size } = tensor.stored ?? { type: spec.elementType, bytes: 0 };
    bytesByType.set(type, (bytesByType.get(type) ?? 0) + size);
    elements += elementCount(tensor);
    total += size;
  }
  const [type = spec.elementType] = [...bytesByType].sort((a, b) => b[1] - a[1])[0] ?? [];
  return `mostly ${type}, ${((total * 8) / Math.max(1, elements)).toFixed(2)} bits each`;
}

function cacheLabel({ options }: EngineMemory): string {
  return options.keyType === options.valueType
    ? options.keyType
    : `${options.keyType} / ${options.valueType}`;
}
