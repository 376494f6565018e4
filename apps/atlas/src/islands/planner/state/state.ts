/**
 * The question to the planner of a page, and its form in an address. The address uses the names of the command line's flags:
 * `?model=…&gpu=h100&context=32k` reads like `plimsoll plan`. Strangers write addresses, so every value is checked; a bad
 * value falls back to the page's start value, and a note says so.
 */
import { parseTokens } from '@plimsoll/foundation';
import type { EngineName } from '@plimsoll/planner';
import { engineFace, engineFaces, engineNamed, engineNames } from '@plimsoll/planner/engines';

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
  /** As the engine writes its releases; null: the newest. */
  readonly release: string | null;
  /** What only some engines have, by the option's name and as its text; absent: as the engine does by itself. */
  readonly options: Readonly<Record<string, string>>;
}

/** Fields that every engine has. */
export type StateKey = Exclude<keyof PlannerState, 'options'>;

/** A value of an address that is not usable, and its replacement. */
export interface StateNote {
  /** A field, the name of an option, or the address as a whole. */
  readonly key: string;
  /** The value in the address. */
  readonly value: string;
  /** The allowed values. */
  readonly limit: string;
  /** The replacement in the form of an address; empty if there is none. */
  readonly used: string;
}

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
  options: {},
};

/** Options that a page asks for, of every engine, each name once. */
export const pageOptions = [
  ...new Map(
    engineFaces
      .flatMap(({ options }) => options.filter(({ field }) => field !== null))
      .map((spec) => [spec.name, spec]),
  ).values(),
];

/** A plan above these limits computes, but no service is so large. A later step cuts the context to the model's own. */
export const stateLimits = {
  context: 16_777_216,
  users: 100_000,
  tp: 64,
  pp: 32,
  dp: 64,
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
    limit: engineNames.join(', '),
    parse: parsed((text) => engineNamed(text).name),
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
  release: {
    name: 'release',
    limit: engineFaces.flatMap(({ release }) => release?.limit ?? []).join(' or '),
    parse: (text) =>
      engineFaces.some(({ release }) => release?.form.test(text.trim()) === true) ? text.trim() : null,
  },
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
  const options = { ...defaults.options };
  for (const { name, limit, read, write } of pageOptions) {
    const text = parameters.get(name);
    if (text === null) continue;
    const value = read?.(text) ?? null;
    const written = value === null ? null : write(value);
    if (value === null) notes.push({ key: name, value: text, limit, used: options[name] ?? '' });
    else if (written === null) delete options[name];
    else options[name] = written;
  }
  return { state: { ...(state as unknown as PlannerState), options }, notes };
}

/** Writes the query of a state: the fields that differ from the defaults, in a fixed order. */
export function writeState(state: PlannerState, defaults: PlannerState = exampleState): string {
  const parameters = new URLSearchParams();
  for (const key of stateKeys) {
    if (state[key] !== defaults[key]) parameters.set(stateFields[key].name, fieldText(state, key));
  }
  for (const { name } of pageOptions) {
    const text = state.options[name];
    if (text !== defaults.options[name]) parameters.set(name, text ?? 'auto');
  }
  // Slashes of a model's name are legal in a query, and a person reads them.
  return parameters.toString().replaceAll('%2F', '/');
}

/** The release that was asked for, where it is one of this engine: another engine's stays in the address. */
export function releaseOf({ release }: PlannerState, engine: EngineName): string | undefined {
  const isOwn = release !== null && engineFace(engine).release?.form.test(release) === true;
  return isOwn ? release : undefined;
}

/** The address of a planner's page that shows this state. */
export function addressOf(route: string, state: PlannerState): string {
  const query = writeState(state);
  return query === '' ? route : `${route}?${query}`;
}

/** Every name that an address may have. */
export const addressNames: readonly string[] = [
  ...stateKeys.map((key) => stateFields[key].name),
  ...pageOptions.map(({ name }) => name),
];

/** A field as an address writes it; empty where it is left to the engine. */
export function fieldText(state: PlannerState, key: StateKey): string {
  const value = state[key];
  return value === null ? '' : String(value);
}
