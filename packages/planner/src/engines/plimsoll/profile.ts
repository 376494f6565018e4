/**
 * The profile `plimsoll`: our own engine. Unlike the other profiles, this profile is not a model of a program: the
 * engine allocates from the plan whose ledger it prints, so the two agree to the byte.
 *
 * The engine runs on the processor, and one process owns all its memory: arenas and Node itself share one capacity.
 */
import { assert, bytes, formatBytes, PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import { deviceCount } from '../../bytes/parallelism.ts';
import type { Deployment, EngineFigures } from '../../deployment/deployment.ts';
import { defaultMixture } from '../../gguf-recipes/file-type.ts';
import type { Question } from '../../question/question.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { startIfFits } from '../contract/start-check.ts';
import { arenaLimit, type MemoryBudget, memoryBudget } from './budget.ts';
import { sequenceBlocks } from './cache-layout.ts';
import { plimsollChanges } from './changes.ts';
import { plimsollCommand } from './command.ts';
import { conversionNotes } from './conversion-notes.ts';
import { engineLedger } from './engine-ledger.ts';
import { arenaNeed, cacheSums, type EngineParts, engineParts, loadOf } from './engine-parts.ts';
import { engineRequest, mixtureNamed } from './engine-request.ts';
import { engineCacheGroups, engineSpeed } from './engine-speed.ts';
import { plimsollFace } from './face.ts';
import { partsOf } from './memory-plan.ts';
import type { PlimsollOptions } from './options.ts';
import { placeUnits } from './placement.ts';
import { serverOptions } from './server-memory.ts';
import { type EngineSettings, engineSettings, kvTypeNames, sequencesLimit } from './settings.ts';
import { storedBytes, type WeightStorage } from './weight-storage.ts';

export const plimsoll: EngineProfile<PlimsollOptions, 'plimsoll'> = {
  ...plimsollFace,
  weightFormats: [],
  prepare: preparePlimsoll,
  refusal: (question) => refusalOf(() => preparePlimsoll(question)),
  start: (question, current) => startIfFits(plimsoll, question, current),
  changes: plimsollChanges,
  flagsForUsers: null,
};

function preparePlimsoll(asked: Question<PlimsollOptions>): Deployment {
  const request = withFormats(asked);
  refuseSeveralDevices(request);
  const { spec, freeBytes, options } = engineRequest(request);
  const settings = engineSettings(spec, options);
  const parts = partsOf(spec, settings, freeBytes);
  const { weights } = parts.model;
  const started = pointNeed(parts, freeBytes);
  const budget = memoryBudget(parts, freeBytes);
  const otherBytes = started.totalBytes - started.cacheBytes;
  const poolBytes = Math.floor(freeBytes - otherBytes);
  const groups = engineCacheGroups(spec, settings);
  const isServed = request.workload.users > 1;
  const served = isServed ? settings : engineSettings(spec, { ...serverOptions(), ...options });
  /** Computes the need of another load. The user's options and the formats of the weights stay the same. */
  const at = (users: number, contextTokens: number): PointNeed => {
    const configured = users > 1 ? served : settings;
    const loaded = { ...configured, ...loadSettings(configured, users, contextTokens) };
    return pointNeed(engineParts(spec, loaded, weights), freeBytes);
  };
  return {
    engine: plimsollFace.name,
    engineVersion: null,
    command: plimsollCommand(request),
    formats: {
      weights: weightLabel(request, weights),
      kvCache: kvTypeNames[settings.kvFormat],
    },
    cacheIsFixed: true,
    capacityBytes: bytes(freeBytes),
    fixed: fixedEntries(parts, freeBytes, budget.poolBlocks),
    poolBytes,
    groups,
    dataGroups: 1,
    contextMax: spec.contextLength,
    sequencesMax: sequencesLimit,
    sequencesLimit: sharedFlag(plimsollFace, 'users'),
    stepTokensMax: settings.stepTokens,
    weightBytes: weights.bytes,
    sequenceBytes: (contextTokens) => at(1, contextTokens).cacheBytes,
    // Step buffers and arenas also grow and shrink with users and context; the pool takes the difference.
    poolBytesFor: (users, contextTokens) => {
      const need = at(users, contextTokens);
      const needed = Math.max(0, need.totalBytes - otherBytes);
      return need.excessBytes === 0 ? needed : Math.max(needed, poolBytes + need.excessBytes);
    },
    speed: engineSpeed(spec, settings, request),
    printed: startFigures(budget, settings),
    notes: [...arenaNotes(started), ...notes(request, budget.sequencesHeld, weights)],
  };
}

/** `--weights auto` leaves the formats to the engine, as on the engine's own command line. */
function withFormats(question: Question<PlimsollOptions>): Question<PlimsollOptions> {
  if (question.weights !== 'auto') return question;
  return { ...question, weights: undefined, options: { ...question.options, shrinkWeights: true } };
}

/** Returns the figures of the cache that the engine prints at start-up; null if it refuses to start. */
function startFigures(budget: MemoryBudget, { blockTokens }: EngineSettings): EngineFigures | null {
  if (budget.shortBytes > 0) return null;
  const { poolBlocks: blocks, sequencesHeld: concurrency } = budget;
  return { kvTokens: blocks * blockTokens, blocks, blockTokens, concurrency };
}

function refuseSeveralDevices({ parallelism }: Question<PlimsollOptions>): void {
  const devices = deviceCount(parallelism);
  if (devices === 1) return;
  throw new PlimsollError({
    code: 'unsupported-parallelism',
    message: `the engine runs in one process, not on ${devices} devices`,
    value: devices,
    limit: 1,
    hint: 'leave out --tp, --pp and --dp, or plan another engine with --engine vllm',
  });
}

interface PointNeed {
  readonly cacheBytes: number;
  /** Cache, everything else, and the reserve. */
  readonly totalBytes: number;
  /** Bytes by which layers with their caches exceed an arena; more memory does not help. */
  readonly excessBytes: number;
}

/** Computes the need of all sequences at full length. */
function pointNeed(parts: EngineParts, freeBytes: number): PointNeed {
  const { sequencesMax, contextMax, blockTokens } = parts.settings;
  const load = {
    sequences: sequencesMax,
    contextTokens: contextMax,
    poolBlocks: sequencesMax * sequenceBlocks(contextMax, blockTokens),
    blockTokens,
  };
  const { growing, windows, state } = cacheSums(parts.model, load);
  const need = arenaNeed(parts, load);
  return {
    cacheBytes: growing + windows + state,
    totalBytes: need.boundBytes + freeBytes - arenaLimit(parts, freeBytes),
    excessBytes: need.excessBytes,
  };
}

/** Returns the settings that depend on users and context; see `engineSettings`. */
function loadSettings(
  settings: EngineSettings,
  users: number,
  contextTokens: number,
): Pick<EngineSettings, 'sequencesMax' | 'contextMax' | 'prefillChunkTokens' | 'stepTokens' | 'logitRows'> {
  const prefillChunkTokens = Math.min(settings.prefillChunkAsked, contextTokens);
  const logitRows = users * (1 + (settings.draft?.tokens ?? 0));
  return {
    sequencesMax: users,
    contextMax: contextTokens,
    prefillChunkTokens,
    stepTokens: Math.max(prefillChunkTokens, logitRows),
    logitRows,
  };
}

/** Returns the ledger of the engine at its start; as if arenas had no limit if a layer exceeds an arena. */
function fixedEntries(parts: EngineParts, freeBytes: number, poolBlocks: number): readonly LedgerEntry[] {
  const load = loadOf(parts.settings, poolBlocks);
  const { placement, units } = arenaNeed(parts, load);
  const endless = { ...parts.limits, arenaBytesMax: Number.POSITIVE_INFINITY };
  const found = placement ?? placeUnits(units, endless);
  assert(found !== null, 'an endless arena holds everything');
  return engineLedger(parts, load, found, freeBytes).entries;
}

/** Returns the mixture, or for a file "mostly q4_K, 4.85 bits each". */
function weightLabel(request: Question, weights: WeightStorage): string {
  if (request.spec.source === 'config' && weights.downgraded === 0) return mixtureNamed(request.weights);
  const bytesByFormat = new Map<string, number>();
  let elements = 0;
  for (const tensor of [weights.outer, ...weights.layers].flat()) {
    bytesByFormat.set(tensor.format, (bytesByFormat.get(tensor.format) ?? 0) + storedBytes(tensor));
    elements += tensor.slices * tensor.rows * tensor.columns;
  }
  const [most = 'f32'] = [...bytesByFormat].sort((left, right) => right[1] - left[1])[0] ?? [];
  return `mostly ${most}, ${((weights.bytes * 8) / Math.max(1, elements)).toFixed(2)} bits each`;
}

function arenaNotes({ excessBytes }: PointNeed): readonly string[] {
  if (excessBytes === 0) return [];
  return [
    `a layer and its cache must fit in one arena of 4 GiB: ${formatBytes(excessBytes)} too much in total`,
  ];
}

const processorClasses: ReadonlySet<HardwareRecord['class']> = new Set(['cpu', 'apple', 'integrated']);

function notes(
  request: Question<PlimsollOptions>,
  sequencesHeld: number,
  weights: WeightStorage,
): readonly string[] {
  const { spec, hardware, workload } = request;
  const found: string[] = [];
  if (spec.source === 'config' && request.weights === undefined) {
    found.push(
      `the plan assumes a ${defaultMixture} file; choose another with --weights Q8_0, or plan the .gguf file itself`,
    );
  }
  if (!processorClasses.has(hardware.class)) {
    found.push(
      `the engine runs on processors: this plan counts the memory of ${hardware.name} as the memory of a machine`,
    );
  }
  if (sequencesHeld > 0 && sequencesHeld < workload.users) {
    found.push(
      `the engine starts with room for ${sequencesHeld} of ${workload.users} sequences; the others wait`,
    );
  }
  if (request.options?.draft !== undefined) {
    found.push('the speed excludes the draft, whose gain depends on the text');
  }
  found.push(...conversionNotes(weights));
  if (spec.vision !== null) found.push('the engine does not load the vision tower');
  const kinds = new Set(spec.layers.map(({ attention }) => attention.kind));
  const without = [...kinds].filter((kind) => !['full', 'sliding'].includes(kind));
  if (without.length > 0) found.push(`the engine has no kernels for ${without.join(' and ')} layers yet`);
  return found;
}
