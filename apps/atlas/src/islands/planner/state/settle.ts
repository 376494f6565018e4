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
  planWithRequests,
  refusalOf,
  usualEngine,
} from '@plimsoll/planner';
import { type AnyOptions, engineFace } from '@plimsoll/planner/engines';
import { parseKvFormat } from '@plimsoll/planner/formats';
import { largerHardware } from '@plimsoll/registry/portable';
import type { Workbench } from '../../../workbench/workbench.ts';
import {
  exampleState,
  type PlannerState,
  releaseOf,
  type StateKey,
  type StateNote,
  stateFields,
} from './state.ts';

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
    engineVersion: releaseOf(state, engine),
    weights: state.weights ?? undefined,
    kvFormat: state.kv === null ? undefined : parseKvFormat(state.kv),
    options: optionsOf(state, engine),
    workload: {
      contextTokens: state.context,
      users: state.users,
      promptTokens: state.prompt ?? undefined,
    },
    largerDevices: (bytesMin) => largerHardware(workbench.registry, hardware, bytesMin),
  };
}

/** The state's options that this engine has; those of another stay in the state until it is chosen again. */
function optionsOf({ options }: PlannerState, engine: EngineName): AnyOptions {
  const read = engineFace(engine).options.map(({ name, read: readText }) => {
    const text = options[name];
    return text === undefined ? null : (readText?.(text) ?? null);
  });
  return Object.assign({}, ...read);
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
];

/** Something that was chosen and can be taken back. */
interface Chosen {
  readonly key: string;
  readonly value: string;
  /** What is used instead, as an address would write it. */
  readonly used: string;
  readonly without: (state: PlannerState) => PlannerState;
}

function chosenFields(state: PlannerState): readonly Chosen[] {
  const fields = revocable
    .filter(([key, usual]) => state[key] !== usual)
    .map(([key, usual]) => ({
      ...{ key, value: String(state[key]), used: usual === null ? '' : String(usual) },
      without: (old: PlannerState) => ({ ...old, [key]: usual }),
    }));
  const options = Object.entries(state.options).map(([key, value]) => ({
    ...{ key, value, used: '' },
    without: (old: PlannerState) => ({ ...old, options: withoutOption(old.options, key) }),
  }));
  return [...fields, ...options];
}

function withoutOption(options: PlannerState['options'], name: string): PlannerState['options'] {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key !== name));
}

/** Takes back one field, or all, when that makes an impossible state possible; leaves it when nothing does. */
function withPossibleChoices(
  state: PlannerState,
  workbench: Workbench,
): { readonly state: PlannerState; readonly notes: readonly StateNote[] } {
  const refusal = refusalOfState(state, workbench);
  if (refusal === null) return { state, notes: [] };
  const chosen = chosenFields(state);
  const without = (fields: readonly Chosen[]): PlannerState =>
    fields.reduce((old, field) => field.without(old), state);
  for (const fields of [...chosen.map((field) => [field]), chosen]) {
    const changed = without(fields);
    if (fields.length === 0 || refusalOfState(changed, workbench) !== null) continue;
    const notes = fields.map((field) => {
      // Where several were taken back, each for a reason of its own: the one it has when it stands alone.
      const others = fields.filter((other) => other !== field);
      const { hint, limit, message } = refusalOfState(without(others), workbench) ?? refusal;
      return {
        key: field.key,
        value: field.value,
        limit: hint ?? String(limit ?? message),
        used: field.used,
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
  const options = { ...state.options };
  for (const { name, field, write } of engineFace(after.engine).options) {
    const text = field === null ? null : write(after.options ?? {});
    if (text === null) delete options[name];
    else options[name] = text;
  }
  if (!isSame(optionsOf({ ...state, options }, after.engine), after.options ?? {})) return null;
  const { parallelism, workload } = after;
  return {
    ...state,
    gpu: after.hardware.id,
    // Another device may have another usual engine than the engine of the advice, which may be another itself.
    engine: state.engine === null && usualEngine(after.hardware) === after.engine ? null : after.engine,
    release: after.engineVersion ?? null,
    weights: after.weights ?? null,
    kv: after.kvFormat ?? null,
    context: workload.contextTokens,
    prompt: workload.promptTokens ?? null,
    users: workload.users,
    tp: parallelism.tensor,
    pp: parallelism.pipeline,
    dp: parallelism.data,
    ep: parallelism.expertParallel ? 'on' : null,
    options,
  };
}

/** Whether the same options are set to the same values. */
function isSame(left: AnyOptions, right: AnyOptions): boolean {
  const set = (options: AnyOptions): string =>
    JSON.stringify(
      Object.entries(options)
        .filter(([, value]) => value !== undefined)
        .sort(),
    );
  return set(left) === set(right);
}
