/**
 * Whether SGLang starts. It checks in this order: weights against the share, slots of recurrent state, a page of the pool; what
 * the share leaves alone then has to hold the request table, a draft that the budget does not count, and the graphs. A context
 * longer than the pool stops no start: SGLang cuts requests to the pool, and a note says so.
 */
import { formatBytes, formatCount, GiB } from '@plimsoll/foundation';
import facts from '@plimsoll/registry/engines/sglang.json' with { type: 'json' };
import type { Question } from '../../question/question.ts';
import type { Change } from '../contract/engine-profile.ts';
import { optionWords } from '../contract/option-spec.ts';
import { memoryShort, type Start, type StartReason } from '../contract/start.ts';
import { startByChecks } from '../contract/start-check.ts';
import type { SglangDeployment } from './deployment.ts';
import { type SglangOptions, sglangOptions } from './options.ts';

type Asked = Question<SglangOptions>;

interface StartRules {
  readonly prepare: (question: Asked) => SglangDeployment;
  /** The changes that advice knows too. */
  readonly changes: (question: Asked, planned: SglangDeployment) => readonly Change<SglangOptions>[];
}

type StopCode = typeof memoryShort | 'state-slots' | 'window-pool' | 'reserve-short';
type Stop = StartReason & { readonly code: StopCode };

export function sglangStart(rules: StartRules, question: Asked): Start {
  return startByChecks(question, {
    prepare: rules.prepare,
    changesFor: (asked, planned) => changesFor(rules, asked, planned),
    stopOf,
  });
}

function stopOf(planned: SglangDeployment): Stop | null {
  return weightsStop(planned) ?? stateStop(planned) ?? windowStop(planned) ?? reserveStop(planned);
}

/** "Not enough memory", and from 0.5.14 the smallest share that would do. */
function weightsStop({ pools, settings, stage, release }: SglangDeployment): Stop | null {
  if (pools.restBytes > 0 && (pools.tokens > 0 || pools.state !== null)) return null;
  const least = leastShare(stage);
  const over = formatBytes(Math.max(0, -pools.restBytes));
  const limit = least >= 1 ? 'the card is too small for the weights' : `it starts above ${least.toFixed(3)}`;
  const printed = release.number >= 5.14 ? 'leave no GPU memory for the KV cache' : 'Not enough memory';
  return {
    code: memoryShort,
    message: `--mem-fraction-static ${shareText(settings.memFractionStatic)} is ${over} less than weights and a page of the cache take ("${printed}"): ${limit}`,
  };
}

/** 1 - free after the weights / free before them. */
function leastShare({ freeBeforeBytes, freeAfterBytes, draft }: SglangDeployment['stage']): number {
  return 1 - (freeAfterBytes - (draft?.weightBytes ?? 0)) / freeBeforeBytes;
}

function shareText(share: number): string {
  return String(Number(share.toFixed(4)));
}

function stateStop({ pools }: SglangDeployment): Stop | null {
  const { state } = pools;
  if (state === null || (state.slots >= state.perRequest && pools.tokens > 0)) return null;
  return {
    code: 'state-slots',
    message: `recurrent state gets ${formatCount(state.slots)} slots, and a running request takes ${state.perRequest}`,
  };
}

/** A request needs a window and a page of the pool of windowed layers (HybridSWAPoolConfigurator, from 0.5.16). */
function windowStop({ stage, pools, settings, release }: SglangDeployment): Stop | null {
  const { window } = stage.layout;
  if (window === null || pools.windowTokens === null || release.number < 5.16) return null;
  const least = window.windowTokens + settings.pageSize;
  if (pools.windowTokens > least) return null;
  return {
    code: 'window-pool',
    message: `the pool of windowed layers holds ${formatCount(pools.windowTokens)} tokens, and one request needs more than ${formatCount(least)}`,
  };
}

/** Memory that a start takes from what the share leaves alone: the first graph, and the activations of a chunk. */
function reserveStop({ stage, settings, capacityBytes }: SglangDeployment): Stop | null {
  let held = stage.pools.kvBytes;
  for (const entry of stage.fixed)
    if (entry.tier === 'device' && entry.category !== 'headroom') held += entry.bytes;
  const left = capacityBytes - held;
  const needed = settings.decodeGraphs
    ? facts.startReserveGib.withGraphs * GiB
    : facts.startReserveGib.withoutGraphs * GiB;
  if (left >= needed) return null;
  return {
    code: 'reserve-short',
    message: `--mem-fraction-static ${shareText(settings.memFractionStatic)} leaves ${left < 0 ? 'nothing' : formatBytes(left)} for activations and CUDA graphs once tables and workspaces are made: their capture runs out of memory`,
  };
}

/** Changes that mend what stops this plan, smallest first. */
function changesFor(
  rules: StartRules,
  question: Asked,
  planned: SglangDeployment,
): readonly Change<SglangOptions>[] {
  const stop = stopOf(planned);
  if (stop === null) return [];
  const others = [...rules.changes(question, planned)].sort((left, right) => left.size - right.size);
  switch (stop.code) {
    case memoryShort:
      return [...shareUp(planned), ...others];
    case 'state-slots':
      return [
        setting({ maxMambaCacheSize: planned.pools.state?.perRequest ?? 1, maxRunningRequests: 1 }),
        ...others,
      ];
    case 'window-pool':
      return others;
    case 'reserve-short':
      return [
        ...shareDown(planned),
        setting({ maxRunningRequests: 64 }),
        setting({ disableCudaGraph: true }),
      ];
    default:
      return stop.code satisfies never;
  }
}

/** Half-way between the smallest share that holds the weights and the whole. */
function shareUp({ stage, settings }: SglangDeployment): readonly Change<SglangOptions>[] {
  const least = leastShare(stage);
  const share = Math.ceil((least + Math.min(0.05, (1 - least) / 2)) * 1000) / 1000;
  if (least >= 0.97 || share <= settings.memFractionStatic) return [];
  return [setting({ memFractionStatic: share })];
}

function shareDown({ settings }: SglangDeployment): readonly Change<SglangOptions>[] {
  return [0.05, 0.1, 0.2, 0.3].flatMap((less) => {
    const share = Math.round((settings.memFractionStatic - less) * 1000) / 1000;
    return share > 0 ? [setting({ memFractionStatic: share })] : [];
  });
}

function setting(set: SglangOptions): Change<SglangOptions> {
  const flags = optionWords(sglangOptions, set).join(' ');
  return {
    ...{ kind: 'start', title: `start with ${flags}`, flags, cost: '', size: 1 },
    apply: (old) => ({ ...old, options: { ...old.options, ...set } }),
  };
}
