/**
 * From a state to an answer. A state may name what does not exist or does not go together (an address by a stranger, or a
 * precision kept while the engine changed): each such field goes back to a value that works, with a note, and what is left
 * is planned. Only a model that an engine cannot run at all ends in a refusal instead of a plan.
 */
import { type ErrorDetails, PlimsollError } from '@plimsoll/foundation';
import {
  type Advice,
  type EngineName,
  type Plan,
  type PlanRequest,
  parseKvFormat,
  planWithRequests,
  refusalOf,
  usualEngine,
} from '@plimsoll/planner';
import { largerHardware } from '@plimsoll/registry/portable';
import type { Workbench } from '../../../workbench/workbench.ts';
import { exampleState, type PlannerState, type StateKey, type StateNote, stateFields } from './state.ts';

export interface AdvisedState {
  readonly advice: Advice;
  /** The state that follows it; null where it needs something a state has no field for. */
  readonly state: PlannerState | null;
}

/** Everything the page shows, as plain data: it crosses from the build into the page. */
export interface PlannerAnswer {
  /** As it was planned: names are ids, the engine is the one used. */
  readonly state: PlannerState;
  readonly engine: EngineName;
  readonly notes: readonly StateNote[];
  /** Null when the engine refuses the model; then `refusal` says why. */
  readonly plan: Plan | null;
  readonly refusal: ErrorDetails | null;
  readonly advised: readonly AdvisedState[];
}

/** The request of a state whose fields all exist. The engine's own flags go to the engine they belong to. */
export function requestOf(state: PlannerState, workbench: Workbench): PlanRequest {
  const hardware = workbench.hardware(state.gpu);
  const engine = engineOf(state, workbench);
  return {
    spec: workbench.model(state.model),
    hardware,
    parallelism: {
      tensor: state.tp,
      pipeline: state.pp,
      data: state.dp,
      expertParallel: state.ep === 'on',
    },
    engine,
    engineVersion: engine === 'vllm' ? (state.release ?? undefined) : undefined,
    weights: state.weights ?? undefined,
    kvFormat: state.kv === null ? undefined : parseKvFormat(state.kv),
    vllm: {
      gpuMemoryUtilization: state.utilization ?? undefined,
      maxNumSeqs: state.maxNumSeqs ?? undefined,
      maxNumBatchedTokens: state.maxNumBatchedTokens ?? undefined,
    },
    llamaCpp: {
      gpuLayers: layersOf(state.ngl),
      flashAttention: state.fa === null ? undefined : state.fa === 'on',
    },
    workload: {
      contextTokens: state.context,
      users: state.users,
      promptTokens: state.prompt ?? undefined,
    },
    largerDevices: (bytesMin) => largerHardware(workbench.registry, hardware, bytesMin),
  };
}

function layersOf(ngl: string | null): number | 'all' | 'auto' | undefined {
  if (ngl === null) return undefined;
  return ngl === 'all' || ngl === 'auto' ? ngl : Number(ngl);
}

function engineOf(state: PlannerState, workbench: Workbench): EngineName {
  return state.engine ?? usualEngine(workbench.hardware(state.gpu));
}

export function answerState(asked: PlannerState, workbench: Workbench): PlannerAnswer {
  const { state: known, notes: nameNotes } = withKnownNames(asked, workbench);
  const { state, notes: comboNotes } = withPossibleChoices(known, workbench);
  const notes = [...nameNotes, ...comboNotes];
  const engine = engineOf(state, workbench);
  try {
    const request = requestOf(state, workbench);
    const { plan, advised } = planWithRequests(request);
    const followed = advised.map(({ advice, request: changed }) => ({
      advice,
      state: stateOfRequest(state, request, changed),
    }));
    return { state, engine, notes, plan, refusal: null, advised: followed };
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    return { state, engine, notes, plan: null, refusal: error.toJSON(), advised: [] };
  }
}

/** Models and devices by their ids, unknown ones by the example's; a context no longer than the model's. */
function withKnownNames(
  asked: PlannerState,
  workbench: Workbench,
): { readonly state: PlannerState; readonly notes: readonly StateNote[] } {
  const notes: StateNote[] = [];
  const known = (key: 'model' | 'gpu', idOf: (name: string) => string): string => {
    try {
      return idOf(asked[key]);
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      // Nearest names help anywhere; the command that lists them all does not help in a page.
      const isNear = error.hint?.includes('?') === true;
      const limit = isNear ? String(error.hint) : stateFields[key].limit;
      notes.push({ key, value: asked[key], limit, used: exampleState[key] });
      return exampleState[key];
    }
  };
  const model = known('model', (name) => workbench.model(name).id);
  const gpu = known('gpu', (name) => workbench.hardware(name).id);
  const longest = workbench.model(model).contextLength;
  const context = Math.min(asked.context, longest);
  if (context < asked.context) {
    const limit = `at most ${longest}, the longest context of ${model}`;
    notes.push({ key: 'context', value: String(asked.context), limit, used: String(context) });
  }
  const prompt = asked.prompt === null ? null : Math.min(asked.prompt, context);
  if (asked.prompt !== null && prompt !== asked.prompt) {
    const limit = `at most ${context}, the context`;
    notes.push({ key: 'prompt', value: String(asked.prompt), limit, used: String(prompt) });
  }
  return { state: { ...asked, model, gpu, context, prompt }, notes };
}

/** Fields that a choice of engine or model may make impossible, the likeliest first. */
const revocable: readonly (readonly [StateKey, PlannerState[StateKey]])[] = [
  ['weights', null],
  ['kv', null],
  ['tp', 1],
  ['pp', 1],
  ['dp', 1],
  ['ep', null],
  ['release', null],
  ['ngl', null],
  ['fa', null],
  ['maxNumSeqs', null],
  ['maxNumBatchedTokens', null],
  ['utilization', null],
];

/** Takes back one field, or all, when that makes an impossible state possible; leaves it when nothing does. */
function withPossibleChoices(
  state: PlannerState,
  workbench: Workbench,
): { readonly state: PlannerState; readonly notes: readonly StateNote[] } {
  const refusal = refusalOfState(state, workbench);
  if (refusal === null) return { state, notes: [] };
  const chosen = revocable.filter(([key, usual]) => state[key] !== usual);
  const ways = [...chosen.map((field) => [field]), chosen];
  for (const fields of ways) {
    const changed = { ...state, ...Object.fromEntries(fields) };
    if (fields.length === 0 || refusalOfState(changed, workbench) !== null) continue;
    const notes = fields.map(([key, usual]) => {
      // Where several were taken back, each for a reason of its own: the one it has when it stands alone.
      const { hint, limit, message } =
        refusalOfState({ ...changed, [key]: state[key] }, workbench) ?? refusal;
      const value = String(state[key]);
      return {
        key,
        value,
        limit: hint ?? String(limit ?? message),
        used: usual === null ? '' : String(usual),
      };
    });
    return { state: changed, notes };
  }
  return { state, notes: [] };
}

/** Not only engines refuse: a field may name what no request can be made of. */
function refusalOfState(state: PlannerState, workbench: Workbench): PlimsollError | null {
  try {
    return refusalOf(requestOf(state, workbench));
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
}

/** A changed request as a state; null when it changes something that no field holds. */
function stateOfRequest(state: PlannerState, before: PlanRequest, after: PlanRequest): PlannerState | null {
  const { gpuLayers, flashAttention, ...others } = after.llamaCpp ?? {};
  if (after.plimsoll !== before.plimsoll && Object.keys(after.plimsoll ?? {}).length > 0) return null;
  if (Object.values(others).some((value) => value !== undefined)) return null;
  const { vllm, parallelism, workload } = after;
  return {
    ...state,
    gpu: after.hardware.id,
    // Another device may have another usual engine, which was not the one advised about.
    engine: usualEngine(after.hardware) === after.engine ? state.engine : after.engine,
    weights: after.weights ?? null,
    kv: after.kvFormat ?? null,
    context: workload.contextTokens,
    prompt: workload.promptTokens ?? null,
    users: workload.users,
    tp: parallelism.tensor,
    pp: parallelism.pipeline,
    dp: parallelism.data,
    ep: parallelism.expertParallel ? 'on' : null,
    ngl: gpuLayers === undefined ? null : String(gpuLayers),
    fa: flashAttention === undefined ? null : flashAttention ? 'on' : 'off',
    utilization: vllm?.gpuMemoryUtilization ?? null,
    maxNumSeqs: vllm?.maxNumSeqs ?? null,
    maxNumBatchedTokens: vllm?.maxNumBatchedTokens ?? null,
  };
}
