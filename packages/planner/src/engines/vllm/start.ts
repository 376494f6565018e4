/**
 * Says whether vLLM starts. The engine compares the share with the free memory, checks that the manager of hybrid caches is
 * on if the model needs the manager, and checks that the share has room for a cache. Then it compares the longest sequence
 * with the cache, and the sequences of a step with the blocks of recurrent state. At last it captures CUDA graphs.
 */
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { contextMaxFor } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import { withContext } from '../../question/workload.ts';
import type { Change } from '../contract/engine-profile.ts';
import { optionWords } from '../contract/option-spec.ts';
import { memoryShort, type Start, type StartReason } from '../contract/start.ts';
import { startByChecks } from '../contract/start-check.ts';
import type { VllmDeployment } from './deployment.ts';
import { type VllmOptions, vllmOptions } from './options.ts';

type Asked = Question<VllmOptions>;

interface StartRules {
  readonly prepare: (question: Asked) => VllmDeployment;
  /** The changes that advice knows too. */
  readonly changes: (question: Asked, planned: VllmDeployment) => readonly Change<VllmOptions>[];
}

type Stop = StartReason & { readonly code: StopCode };
type StopCode =
  | 'share-above-free'
  | typeof memoryShort
  | 'length-above-pool'
  | 'whole-model-above-card'
  | 'states-without-manager'
  | 'state-blocks'
  | 'capture-above-device';

export function vllmStart(rules: StartRules, question: Asked): Start {
  return startByChecks(question, {
    prepare: rules.prepare,
    changesFor: (asked, planned) => changesFor(rules, asked, planned),
    stopOf,
  });
}

/** Returns the first check that the plan fails, or null if the plan passes all checks. */
function stopOf(planned: VllmDeployment): Stop | null {
  return (
    shareStop(planned) ??
    managerStop(planned) ??
    poolStop(planned) ??
    lengthStop(planned) ??
    stateStop(planned) ??
    captureStop(planned)
  );
}

/** request_memory in vllm/v1/worker/utils.py, at first in gpu_worker.py: V1 from 0.8.3. */
function shareStop({ settings, release, capacityBytes, freeAtStartBytes }: VllmDeployment): Stop | null {
  const shareBytes = Math.ceil(capacityBytes * settings.utilization);
  if (release.engine === 'V0' || release.number < 8.03 || shareBytes <= freeAtStartBytes) return null;
  return {
    code: 'share-above-free',
    message: `--gpu-memory-utilization ${settings.utilization} asks for ${formatBytes(shareBytes)}, and the CUDA context leaves ${formatBytes(freeAtStartBytes)} of the device free`,
  };
}

/** Without the manager of hybrid caches, recurrent states and blocks of tokens do not share a cache. */
function managerStop({ settings, stateBlocks, groups }: VllmDeployment): Stop | null {
  const { isOn, turnedOffBy, canTurnOn } = settings.manager;
  const isHybrid = stateBlocks !== null && groups.some(({ kind }) => kind !== 'state');
  if (isOn || turnedOffBy === null || !isHybrid) return null;
  return {
    code: 'states-without-manager',
    message: `${turnedOffBy} turns the hybrid KV cache manager off, which this model needs for its recurrent states${canTurnOn ? '' : ': start without the connector, or from 0.24 on with NixlConnector or OffloadingConnector'}`,
  };
}

function poolStop({ availableBytes }: VllmDeployment): Stop | null {
  if (availableBytes > 0) return null;
  return {
    code: memoryShort,
    message: `weights and activations are ${formatBytes(-availableBytes)} over the engine's share: nothing is left for the cache`,
  };
}

function lengthStop(planned: VllmDeployment): Stop | null {
  const { settings, layout, blocks, release, wholeModelBytes, availableBytes, leastAvailableBytes } = planned;
  const { maxModelLen } = settings;
  if (layout.sequenceBlocks(maxModelLen) > blocks) {
    const neededBytes = layout.sequenceBlocks(maxModelLen) * layout.blockBytes;
    return {
      code: 'length-above-pool',
      message: `one sequence of ${formatTokens(maxModelLen)} tokens needs ${formatBytes(neededBytes)} of cache, and ${formatBytes(availableBytes)} are available: ${formatCount(lengthMax(planned))} tokens at most`,
    };
  }
  // 0.14 and 0.15 compare the cache of all layers with the memory of each stage (kv_cache_utils.py, get_kv_cache_configs).
  const comparesWholeModel = planned.stages > 1 && release.number >= 14 && release.number < 16;
  const needed = wholeModelBytes(maxModelLen);
  if (!comparesWholeModel || needed <= leastAvailableBytes) return null;
  return {
    code: 'whole-model-above-card',
    message: `this release compares the cache of all layers, ${formatBytes(needed)} for ${formatTokens(maxModelLen)} tokens, with the ${formatBytes(leastAvailableBytes)} of one pipeline stage: ${formatCount(lengthMax(planned))} tokens at most`,
  };
}

/** Longest context of one sequence that passes the engine's own check. */
function lengthMax(planned: VllmDeployment): number {
  const { release, stages, wholeModelBytes, leastAvailableBytes } = planned;
  const most = contextMaxFor(planned, 1);
  if (stages === 1 || release.number < 14 || release.number >= 16) return most;
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (wholeModelBytes(middle) <= leastAvailableBytes) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Every decoding sequence needs a block of its own for its recurrent state when decode graphs are captured (from 0.20). */
function stateStop({ settings, release, stateBlocks }: VllmDeployment): Stop | null {
  if (stateBlocks === null || settings.eager || release.number < 20) return null;
  if (settings.sequences <= stateBlocks) return null;
  return {
    code: 'state-blocks',
    message: `--max-num-seqs ${settings.sequences} exceeds the ${formatCount(stateBlocks)} blocks that hold recurrent state: every decoding sequence needs one`,
  };
}

/** The engine captures CUDA graphs after it allocates the cache, in the memory that the device still has. */
function captureStop({ captureShortBytes, settings }: VllmDeployment): Stop | null {
  if (captureShortBytes <= 0 || settings.eager) return null;
  return {
    code: 'capture-above-device',
    message: `CUDA graphs need ${formatBytes(captureShortBytes)} more than the device has left beside weights, cache and context: the engine runs out of memory while it captures them`,
  };
}

/** Returns the changes that remove the obstacle of this plan, smallest first. */
function changesFor(
  rules: StartRules,
  question: Asked,
  planned: VllmDeployment,
): readonly Change<VllmOptions>[] {
  const stop = stopOf(planned);
  if (stop === null) return [];
  switch (stop.code) {
    case 'share-above-free':
      return [shareChange(planned)];
    case 'states-without-manager':
      return planned.settings.manager.canTurnOn ? [setting('manager', { hybridManager: true })] : [];
    case 'state-blocks':
      return [sequencesChange(planned)];
    case 'capture-above-device':
      return [lessShareChange(planned), setting('eager', { enforceEager: true })];
    case 'length-above-pool':
    case 'whole-model-above-card':
    case memoryShort: {
      const others = [...rules.changes(question, planned)].sort((left, right) => left.size - right.size);
      const small = others.filter(({ size }) => size <= 1);
      return [...small, ...lengthChange(planned), ...others.filter((change) => !small.includes(change))];
    }
    default:
      return stop.code satisfies never;
  }
}

/** The largest share, in hundredths, that the free memory covers. */
function shareChange({ capacityBytes, freeAtStartBytes }: VllmDeployment): Change<VllmOptions> {
  const gpuMemoryUtilization = Math.floor((freeAtStartBytes / capacityBytes) * 100) / 100;
  return setting('utilization', { gpuMemoryUtilization });
}

/** The share less what the graphs lack, in hundredths. */
function lessShareChange({
  capacityBytes,
  captureShortBytes,
  settings,
}: VllmDeployment): Change<VllmOptions> {
  const share = settings.utilization - captureShortBytes / capacityBytes;
  return setting('utilization', { gpuMemoryUtilization: Math.max(0.01, Math.floor(share * 100) / 100) });
}

/** The largest power of two that the state blocks allow. */
function sequencesChange({ stateBlocks }: VllmDeployment): Change<VllmOptions> {
  return setting('sequences', { maxNumSeqs: 2 ** Math.floor(Math.log2(Math.max(1, stateBlocks ?? 1))) });
}

function lengthChange(planned: VllmDeployment): readonly Change<VllmOptions>[] {
  const most = lengthMax(planned);
  const rounded = most >= 512 ? Math.floor(most / 256) * 256 : most;
  if (rounded < 1 || rounded >= planned.settings.maxModelLen) return [];
  return [
    {
      kind: 'context',
      title: `limit the context to ${formatTokens(rounded)} tokens`,
      flags: `--max-model-len ${rounded}`,
      cost: `longer conversations are cut at ${formatTokens(rounded)}`,
      size: 3,
      apply: (old) => ({ ...old, workload: withContext(old.workload, rounded) }),
    },
  ];
}

function setting(kind: string, set: VllmOptions): Change<VllmOptions> {
  const flags = optionWords(vllmOptions, set).join(' ');
  return {
    ...{ kind, title: `start with ${flags}`, flags, cost: '', size: 1 },
    apply: (old) => ({ ...old, options: { ...old.options, ...set } }),
  };
}
