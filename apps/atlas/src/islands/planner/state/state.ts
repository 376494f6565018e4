/**
 * The question to the planner of a page, and its form in an address. The address uses the names of the command line's flags:
 * `?model=…&gpu=h100&context=32k` reads like `plimsoll plan`. Strangers write addresses, so every value is checked; a bad
 * value falls back to the page's start value, and a note says so.
 */
import { parseTokens } from '@plimsoll/foundation';
import type { EngineName } from '@plimsoll/planner';

export interface PlannerState {
  readonly model: string;
  readonly gpu: string;
  /** Null chooses the usual engine of the device. */
  readonly engine: EngineName | null;
  /** Null keeps the checkpoint's own format, or takes the engine's usual file. */
  readonly weights: string | null;
  /** Null leaves the choice to the engine. */
  readonly kv: string | null;
  readonly context: number;
  /** Prompt tokens within the context; null for the whole context. */
  readonly prompt: number | null;
  readonly users: number;
  readonly tp: number;
  readonly pp: number;
  readonly dp: number;
  /** "on" places whole experts on a device instead of a slice of each expert. */
  readonly ep: 'on' | null;
  /** Release and flags of vLLM. Null takes the newest release and its defaults. */
  readonly release: string | null;
  readonly utilization: number | null;
  readonly maxNumSeqs: number | null;
  readonly maxNumBatchedTokens: number | null;
  /** Flags of llama.cpp. Null leaves the choice to llama.cpp. */
  readonly ngl: string | null;
  readonly fa: 'on' | 'off' | null;
}

export type StateKey = keyof PlannerState;

/** A value of an address that is not usable, and its replacement. */
export interface StateNote {
  readonly key: StateKey | 'address';
  /** The value in the address. */
  readonly value: string;
  /** The allowed values. */
  readonly limit: string;
  /** The replacement in the form of an address; empty if there is none. */
  readonly used: string;
}

/** The planner's engines, repeated here because the form loads before the planner. */
export const stateEngines = [
  'vllm',
  'llama.cpp',
  'plimsoll',
  'none',
] as const satisfies readonly EngineName[];

export const exampleState: PlannerState = {
  model: 'meta-llama/Llama-3.1-8B-Instruct',
  gpu: 'h100-sxm-80gb',
  engine: null,
  weights: null,
  kv: null,
  context: 8192,
  prompt: null,
  users: 16,
  tp: 1,
  pp: 1,
  dp: 1,
  ep: null,
  release: null,
  utilization: null,
  maxNumSeqs: null,
  maxNumBatchedTokens: null,
  ngl: null,
  fa: null,
};

/** A plan above these limits computes, but no service is so large. A later step cuts the context to the model's own. */
export const stateLimits = {
  context: 16_777_216,
  users: 100_000,
  tp: 64,
  pp: 32,
  dp: 64,
  maxNumSeqs: 65_536,
  maxNumBatchedTokens: 1_048_576,
  /** No name is longer. */
  nameLength: 120,
} as const;

interface FieldRule<Value> {
  /** The name in an address. */
  readonly name: string;
  readonly limit: string;
  /** Returns null if the text is no value of this field. */
  readonly parse: (text: string) => Value | null;
}

type FieldRules = { readonly [Key in StateKey]-?: FieldRule<NonNullable<PlannerState[Key]>> };

function whole(name: string, most: number): FieldRule<number> {
  return {
    name,
    limit: `a whole number from 1 to ${most}`,
    parse: (text) =>
      /^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= most ? Number(text) : null,
  };
}

function named(name: string, limit: string): FieldRule<string> {
  return {
    name,
    limit,
    parse: (text) => {
      const trimmed = text.trim();
      return trimmed !== '' && trimmed.length <= stateLimits.nameLength ? trimmed : null;
    },
  };
}

/** The form of a format's name. `settle` finds whether the engine has the format. */
const formatName = /^[\w.-]{1,24}$/;

/** 0.9, 0,9 or 90 %. */
function shareOf(text: string): number | null {
  const [, digits, percent] = /^\s*(\d{0,3}(?:[.,]\d{1,4})?)\s*(%?)\s*$/.exec(text) ?? [];
  if (digits === undefined || digits === '') return null;
  const share = Number(digits.replace(',', '.')) / (percent === '%' ? 100 : 1);
  return share >= 0.05 && share <= 1 ? share : null;
}

function tokens(name: string): FieldRule<number> {
  return {
    name,
    limit: `a number of tokens from 1 to ${stateLimits.context}, such as 32k`,
    parse: parsed((text) => {
      const count = parseTokens(text);
      return count <= stateLimits.context ? count : null;
    }),
  };
}

/** One of a few words. */
function word<Word extends string>(name: string, words: readonly Word[]): FieldRule<Word> {
  return {
    name,
    limit: words.join(' or '),
    parse: (text) => words.find((known) => known === text.trim().toLowerCase()) ?? null,
  };
}

/** A text of a known form. */
function shaped(name: string, limit: string, form: RegExp): FieldRule<string> {
  return { ...named(name, limit), parse: (text) => (form.test(text.trim()) ? text.trim() : null) };
}

function parsed<Value>(parse: (text: string) => Value): (text: string) => Value | null {
  return (text) => {
    try {
      return parse(text);
    } catch {
      return null;
    }
  };
}

export const stateFields: FieldRules = {
  model: named('model', 'a model of the registry'),
  gpu: named('gpu', 'a device of the registry'),
  engine: {
    name: 'engine',
    limit: stateEngines.join(', '),
    parse: (text) => stateEngines.find((name) => name === text.toLowerCase()) ?? null,
  },
  weights: shaped('weights', 'a weight format, such as fp8, awq or Q4_K_M', formatName),
  kv: shaped('kv', 'a KV cache type, such as bf16, fp8 or q8_0', formatName),
  context: tokens('context'),
  prompt: tokens('prompt'),
  users: whole('users', stateLimits.users),
  tp: whole('tp', stateLimits.tp),
  pp: whole('pp', stateLimits.pp),
  dp: whole('dp', stateLimits.dp),
  ep: word('ep', ['on']),
  release: shaped('vllm-release', 'a release of vLLM, such as 0.19.0', /^v?0\.\d{1,2}(\.\d{1,2})?$/),
  utilization: {
    name: 'utilization',
    limit: 'a share from 0.05 to 1, such as 0.9 or 90 %',
    parse: shareOf,
  },
  maxNumSeqs: whole('max-num-seqs', stateLimits.maxNumSeqs),
  maxNumBatchedTokens: whole('max-num-batched-tokens', stateLimits.maxNumBatchedTokens),
  ngl: shaped('ngl', 'a number of layers, all or auto', /^(\d{1,4}|all|auto)$/),
  fa: word('fa', ['on', 'off']),
};

export const stateKeys = Object.keys(stateFields) as readonly StateKey[];

/** The reader of an address ignores characters past this limit. A state needs a tenth of them. */
const addressLengthMax = 2000;

/** Reads the query of an address. The state is usable whatever the query contains. */
export function readState(
  query: string,
  defaults: PlannerState = exampleState,
): { readonly state: PlannerState; readonly notes: readonly StateNote[] } {
  if (query.length > addressLengthMax) {
    const limit = `at most ${addressLengthMax} characters`;
    return {
      state: defaults,
      notes: [{ key: 'address', value: `${query.length} characters`, limit, used: '' }],
    };
  }
  const parameters = new URLSearchParams(query);
  const notes: StateNote[] = [];
  const state: Record<string, unknown> = { ...defaults };
  for (const key of stateKeys) {
    const { name, parse, limit } = stateFields[key];
    const text = parameters.get(name);
    if (text === null) continue;
    const value = parse(text);
    if (value === null) notes.push({ key, value: text, limit, used: fieldText(defaults, key) });
    else state[key] = value;
  }
  return { state: state as unknown as PlannerState, notes };
}

/** Writes the query of a state: the fields that differ from the defaults, in a fixed order. */
export function writeState(state: PlannerState, defaults: PlannerState = exampleState): string {
  const parameters = new URLSearchParams();
  for (const key of stateKeys) {
    if (state[key] !== defaults[key]) parameters.set(stateFields[key].name, fieldText(state, key));
  }
  // A query may contain the slash of a model's name, and a person reads it more easily than its escape.
  return parameters.toString().replaceAll('%2F', '/');
}

/** The address of a planner's page that shows this state. */
export function addressOf(route: string, state: PlannerState): string {
  const query = writeState(state);
  return query === '' ? route : `${route}?${query}`;
}

/** The text of a field in an address; empty if the engine decides it. */
export function fieldText(state: PlannerState, key: StateKey): string {
  const value = state[key];
  return value === null ? '' : String(value);
}
