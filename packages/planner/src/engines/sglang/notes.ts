/** Notes for the user about a plan for SGLang. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import type { Question } from '../../question/question.ts';
import { checkpointName } from '../contract/checkpoint-changes.ts';
import { checkpointNeeded } from '../contract/checkpoint-choice.ts';
import { onlineFormats } from './command.ts';
import type { SglangOptions } from './options.ts';
import type { Pools } from './pools.ts';
import type { SglangRelease } from './release.ts';
import type { SglangSettings } from './start-settings.ts';

export interface NotesInput {
  readonly request: Question<SglangOptions>;
  readonly release: SglangRelease;
  readonly settings: SglangSettings;
  readonly pools: Pools;
  readonly added: SglangOptions;
}

export function startNotes(input: NotesInput): readonly string[] {
  const { request, release, settings, added } = input;
  const notes: string[] = [];
  if (release.from !== 'version')
    notes.push(`SGLang ${release.version} assumed; name another with --engine sglang@VERSION`);
  if (request.options?.memFractionStatic === undefined)
    notes.push(
      `--mem-fraction-static is ${Number(settings.memFractionStatic.toFixed(4))} by SGLang's own rule for this card`,
    );
  const needed = checkpointNeeded(request, onlineFormats);
  if (needed !== null && request.convertedReference === undefined)
    notes.push(
      `SGLang does not make ${needed} weights while it loads: the command needs ${checkpointName(needed)} in place of ${request.spec.id}`,
    );
  if (added.maxRunningRequests !== undefined)
    notes.push(
      `--max-running-requests is ${formatCount(added.maxRunningRequests)} here, for the ${formatCount(request.workload.users)} users asked`,
    );
  return [...notes, ...lengthNotes(input), ...stateNotes(input), ...draftNotes(input)];
}

function stateNotes({ pools }: NotesInput): readonly string[] {
  const { state } = pools;
  if (state === null) return [];
  return [
    `recurrent state has ${formatCount(state.slots)} slots, ${state.perRequest} for each running request: ${formatBytes(state.bytes + state.verifyBytes)}`,
  ];
}

function draftNotes({ settings, request }: NotesInput): readonly string[] {
  const { speculation } = settings;
  const hasShapes = request.options?.draft !== undefined || request.spec.predictionLayers.length > 0;
  if (speculation === null || hasShapes) return [];
  return ['the draft is not counted: name its checkpoint with --draft'];
}

/** Requests may be as long as the context or the pool, whichever is shorter (tp_worker.py, max_req_len). */
function lengthNotes({ pools, request }: NotesInput): readonly string[] {
  const { contextTokens } = request.workload;
  if (pools.tokens <= 0 || pools.tokens >= contextTokens) return [];
  return [
    `the pool holds ${formatCount(pools.tokens)} tokens: SGLang starts, and cuts requests of ${formatCount(contextTokens)} tokens to the pool`,
  ];
}
