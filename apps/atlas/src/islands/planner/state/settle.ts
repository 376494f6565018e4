/**
 * Turns a state into an answer. A state may have values that do not exist or do not work together: an address by a stranger,
 * or a precision that was chosen for another engine. Each such field falls back to a value that works, with a note, and the
 * rest is planned. Only a model that an engine cannot run at all ends in a refusal.
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
  /** The state after the advice; null if the advice needs a field that the state does not have. */
  readonly state: PlannerState | null;
}

/** Everything the page shows, as plain data: it crosses from the build into the page. */
export interface PlannerAnswer {
  /** The planned state: names are ids, and the engine is the engine in use. */
  readonly state: PlannerState;
  readonly engine: EngineName;
  readonly notes: readonly StateNote[];
  /** Null when the engine refuses the model; then `refusal` says why. */
  readonly plan: Plan | null;
  readonly refusal: ErrorDetails | null;
  readonly advised: readonly AdvisedState[];
}

/** Builds the request of a state whose names all exist. Each engine gets its own flags. */
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
    options: {
      gpuMemoryUtilization: state.utilization ?? undefined,
      maxNumSeqs: state.maxNumSeqs ?? undefined,
      maxNumBatchedTokens: state.maxNumBatchedTokens ?? undefined,
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
      state: stateOfRequest(state, changed),
    }));
    return { state, engine, notes, plan, refusal: null, advised: followed };
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    return { state, engine, notes, plan: null, refusal: error.toJSON(), advised: [] };
  }
}

/** Replaces names by ids, unknown names by the example's, and cuts the context to the model's longest. */
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
      // The nearest names help in a page. The command that lists all names does not.
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

/** Resets one field, or all of them, if that makes the state possible. Otherwise the state stays as it is. */
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
      // If several fields were reset, each note gives the reason that its field has alone.
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

/** Other code than engines refuses too: a field may have a value that no request can hold. */
function refusalOfState(state: PlannerState, workbench: Workbench): PlimsollError | null {
  try {
    return refusalOf(requestOf(state, workbench));
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
}

/** The state of a changed request; null if no field holds the change. */
function stateOfRequest(state: PlannerState, after: PlanRequest): PlannerState | null {
  const { gpuLayers, flashAttention, gpuMemoryUtilization, maxNumSeqs, maxNumBatchedTokens, ...others } =
    after.options ?? {};
  if (Object.values(others).some((value) => value !== undefined)) return null;
  const { parallelism, workload } = after;
  return {
    ...state,
    gpu: after.hardware.id,
    // Another device may have another usual engine than the engine of the advice.
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
    utilization: gpuMemoryUtilization ?? null,
    maxNumSeqs: maxNumSeqs ?? null,
    maxNumBatchedTokens: maxNumBatchedTokens ?? null,
  };
}
