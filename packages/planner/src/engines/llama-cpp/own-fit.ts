/** The start that llama.cpp makes of a question: as asked, or as its own fit changes it. */
import { MiB } from '@plimsoll/foundation';
import type { Question } from '../../question/question.ts';
import type { Workload } from '../../question/workload.ts';
import { companionsOf } from './companions.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { rulesOfBuild } from './engine-rules.ts';
import { type FitLimits, fitStart, usualFitContextMin, usualFitMarginBytes } from './fit-start.ts';
import { type Machine, machineOf } from './machine.ts';
import { type LlamaCppOptions, openContexts } from './options.ts';
import { projectorOf } from './projector.ts';
import { buildOf, memoryQuestion } from './request.ts';

type Asked = Question<LlamaCppOptions>;

/** Returns true if the question leaves the place of the layers to llama-server. */
export function placesLayers({ options }: Asked): boolean {
  const { gpuLayers, fit, splitMode } = options ?? {};
  // The fit gives up on this mode, which leaves every layer on the devices.
  if (splitMode === 'tensor') return false;
  return fit !== false && (gpuLayers === 'auto' || (gpuLayers === undefined && fit === true));
}

/** The options of the start, with the layers where the engine puts them. */
export function startOf(request: Asked, machine: Machine): LlamaCppInput {
  const asked = memoryQuestion(request);
  if (request.openContext !== undefined) {
    const open = openStart(request);
    if (open.contextTokens === asked.contextTokens) return open;
  }
  if (!placesLayers(request)) return asked;
  const companions = companionsOf(request, asked, machine);
  return fitStart(asked, { ...limitsOf(request, machine, null), companions });
}

/**
 * The workload of a start whose context the engine chooses. Slots share the context where the user named no number of
 * users; then as few users are planned as the training length allows.
 */
export function ownWorkload(request: Asked): Workload {
  const { workload, spec } = request;
  const tokens = openStart(request).contextTokens;
  const users =
    request.usersAreDefault === true ? Math.max(1, Math.ceil(tokens / spec.contextLength)) : workload.users;
  return { ...workload, users, contextTokens: Math.floor(tokens / users) };
}

/** The start with the context that llama-server takes if `-c` is absent or 0. */
function openStart(request: Asked): LlamaCppInput {
  const { spec, workload, options, openContext } = request;
  const longest = memoryQuestion({
    ...request,
    workload: { ...workload, contextTokens: spec.contextLength },
  });
  const { fits, fitsContextOfEverySlot } = rulesOfBuild(buildOf(request));
  // Without a fit the training length is the context of all slots together.
  if (options?.fit === false || !fits || options?.splitMode === 'tensor')
    return { ...longest, contextTokens: spec.contextLength };
  const slots = fitsContextOfEverySlot ? (longest.sequences ?? 1) : 1;
  const isReduced = openContext === openContexts.reduced;
  const contextMin = isReduced ? (options?.fitContextMin ?? usualFitContextMin) : null;
  const machine = machineOf(request);
  const limits = limitsOf(request, machine, contextMin);
  const open = { ...longest, contextTokens: spec.contextLength * slots };
  return fitStart(open, {
    ...limits,
    movesLayers: limits.movesLayers && placesLayers(request),
    companions: companionsOf(request, open, machine),
  });
}

function limitsOf(request: Asked, { devices }: Machine, contextMin: number | null): FitLimits {
  const { splitMode, tensorSplit, tensorOverrides, cpuExpertLayers, fitMarginMib } = request.options ?? {};
  const projector = projectorOf(request.spec, request.options);
  const projectorBytes = projector?.onDevice === true ? projector.weightBytes + projector.computeBytes : 0;
  const isSplit = devices.length > 1 && (tensorSplit !== undefined || splitMode === 'row');
  return {
    freeBytes: devices.map(({ memory }) => memory.usableBytes),
    marginBytes: devices.map((_, device) => {
      const mib = fitMarginMib?.length === 1 ? fitMarginMib[0] : fitMarginMib?.[device];
      const margin = mib === undefined ? usualFitMarginBytes : mib * MiB;
      // The server adds the memory of the projector to what the fit leaves free.
      return margin + (device === 0 ? projectorBytes : 0);
    }),
    contextMin,
    movesLayers: !isSplit && tensorOverrides === undefined && cpuExpertLayers === undefined,
  };
}
