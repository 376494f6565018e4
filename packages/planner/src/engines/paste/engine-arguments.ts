/** Translates the arguments of one engine's command line to flags of `plimsoll plan`; accounts for every word. */
import { PlimsollError } from '@plimsoll/foundation';
import type { EngineFlags } from '@plimsoll/registry';
import type { Shorthand } from '../contract/command-form.ts';
import type { SharedFlag } from '../contract/engine-face.ts';
import type { OptionSpec } from '../contract/option-spec.ts';
import type { AnyOptions } from '../engine-list.ts';
import { isOneEditApart } from './misspelling.ts';
import type { PastedEngine } from './pasted-engines.ts';

export type KnownFlags = Omit<EngineFlags, 'release'>;

export interface ReadArguments {
  /** Model as typed; null if the command names none. */
  readonly model: string | null;
  /** Values by flag of `plimsoll plan`; a switch has the value null. */
  readonly flags: ReadonlyMap<string, string | null>;
  readonly leftOut: readonly string[];
  /** Words and flags that no list of this engine has. */
  readonly unknown: readonly string[];
  /** Files of further options, which are not read: the flag and its file. */
  readonly unread: readonly string[];
}

/** The meaning of an engine's flag: a shared flag, an option, the model, or a flag that no option takes. */
type Meaning =
  | { readonly kind: 'shared'; readonly name: SharedFlag }
  | { readonly kind: 'option'; readonly spec: OptionSpec<AnyOptions> }
  | { readonly kind: 'model' }
  | { readonly kind: 'file' }
  | { readonly kind: 'shorthand'; readonly shorthand: Shorthand }
  | { readonly kind: 'largest'; readonly of: string }
  | { readonly kind: 'idle' | 'memory'; readonly values: 'none' | 'one' | 'all' };

export function readArguments(
  face: PastedEngine,
  known: KnownFlags | null,
  words: readonly string[],
): ReadArguments {
  return new ArgumentReader(face, meaningsOf(face, known), words).read();
}

function meaningsOf(face: PastedEngine, known: KnownFlags | null): ReadonlyMap<string, Meaning> {
  const meanings = new Map<string, Meaning>();
  const add = (names: readonly string[] | undefined, meaning: Meaning): void => {
    for (const name of names ?? []) meanings.set(name, meaning);
  };
  add(known?.memorySwitches, { kind: 'memory', values: 'none' });
  add(known?.memoryOptions, { kind: 'memory', values: 'one' });
  add(known?.switches, { kind: 'idle', values: 'none' });
  add(known?.options, { kind: 'idle', values: 'one' });
  add(known?.lists, { kind: 'idle', values: 'all' });
  add(face.commandForm.idleFlags?.switches, { kind: 'idle', values: 'none' });
  add(face.commandForm.idleFlags?.options, { kind: 'idle', values: 'one' });
  add(face.commandForm.modelFlags, { kind: 'model' });
  add(face.commandForm.optionFiles?.flags, { kind: 'file' });
  for (const [flag, shorthand] of Object.entries(face.commandForm.shorthands ?? {}))
    add([flag], { kind: 'shorthand', shorthand });
  for (const [flag, names] of Object.entries(face.commandForm.largestOf ?? {}))
    add(names, { kind: 'largest', of: flag });
  // What reports write where the engine has a longer flag.
  for (const name of ['tp', 'pp', 'dp'] as const) add([`--${name}`], { kind: 'shared', name });
  for (const name of sharedFlags) add(face.spellings[name], { kind: 'shared', name });
  for (const spec of face.options) add(spec.flags, { kind: 'option', spec });
  for (const [flag, name] of Object.entries(face.commandForm.ownFlags ?? {})) {
    const spec = face.options.find((option) => option.name === name);
    const shared = sharedFlags.find((candidate) => candidate === name);
    if (spec !== undefined) add([flag], { kind: 'option', spec });
    else if (shared !== undefined) add([flag], { kind: 'shared', name: shared });
  }
  return meanings;
}

const sharedFlags: readonly SharedFlag[] = [
  'context',
  'users',
  'tp',
  'pp',
  'dp',
  'ep',
  'weights',
  'dtype',
  'kv',
];

/** The only shared flag without a value. */
const sharedSwitch: SharedFlag = 'ep';

class ArgumentReader {
  readonly #face: PastedEngine;
  readonly #meanings: ReadonlyMap<string, Meaning>;
  readonly #words: readonly string[];
  #at = 0;
  #model: string | null = null;
  readonly #flags = new Map<string, string | null>();
  /** Flags of the form `--flag.key`, collected in one JSON object per flag. */
  readonly #objects = new Map<string, Record<string, unknown>>();
  readonly #leftOut = new Set<string>();
  readonly #unknown = new Set<string>();
  readonly #unread: string[] = [];

  constructor(face: PastedEngine, meanings: ReadonlyMap<string, Meaning>, words: readonly string[]) {
    this.#face = face;
    this.#meanings = meanings;
    this.#words = words;
  }

  read(): ReadArguments {
    while (this.#at < this.#words.length) {
      const word = this.#words[this.#at++] ?? '';
      if (!/^-{1,2}[A-Za-z]/.test(word)) this.#takeWord(word);
      else this.#takeFlag(word);
    }
    for (const [flag, value] of this.#objects) this.#takeMeaning(flag, flag, JSON.stringify(value));
    return {
      model: this.#model,
      flags: this.#flags,
      leftOut: [...this.#leftOut],
      unknown: [...this.#unknown],
      unread: this.#unread,
    };
  }

  /** Takes the model, or a word without a flag, such as a stray `\` or a value after a flag that takes none. */
  #takeWord(word: string): void {
    if (this.#model === null && this.#face.commandForm.takesModelWord === true && /\w/.test(word))
      this.#model = word;
    else if (/\w/.test(word) && this.#face.commandForm.takesPrompt !== true) this.#unknown.add(word);
  }

  #takeFlag(word: string): void {
    const equals = word.indexOf('=');
    const typed = equals === -1 ? word : word.slice(0, equals);
    const inline = equals === -1 ? null : word.slice(equals + 1);
    const name = typed.startsWith('--') ? typed.replaceAll('_', '-') : typed;
    const [, letter, level] = /^(-[A-Za-z])(\d+)$/.exec(typed) ?? [];
    if (letter !== undefined && level !== undefined && this.#meanings.has(letter)) {
      this.#takeMeaning(letter, typed, level);
      return;
    }
    const flag = this.#known(name);
    if (flag !== null) {
      this.#takeMeaning(flag, typed, inline);
      return;
    }
    if (this.#takeNegation(name, typed)) return;
    const [base = '', ...keys] = typed.split('.');
    const owner = keys.length === 0 ? null : this.#known(base.replaceAll('_', '-'));
    if (owner !== null) {
      this.#takeKey(owner, keys, inline);
      return;
    }
    this.#refuseMisspelled(name);
    this.#unknown.add(typed);
    if (inline === null && isValue(this.#words[this.#at])) this.#at++;
  }

  /** Turns a switch off: `--no-enable-lora`. Returns false for any other flag. */
  #takeNegation(name: string, typed: string): boolean {
    if (this.#face.commandForm.negates !== true || !name.startsWith('--no-')) return false;
    const meaning = this.#meanings.get(`--${name.slice('--no-'.length)}`);
    const isSwitch =
      meaning !== undefined &&
      ('values' in meaning
        ? meaning.values === 'none'
        : meaning.kind === 'option'
          ? meaning.spec.value === null
          : meaning.kind === 'shared' && meaning.name === sharedSwitch);
    if (!isSwitch) return false;
    if (meaning.kind === 'option') this.#flags.delete(meaning.spec.name);
    if (meaning.kind === 'shared') this.#flags.delete(meaning.name);
    this.#leftOut.add(typed);
    return true;
  }

  /** Returns the flag with this name, or the only flag that starts with it; otherwise null. */
  #known(name: string): string | null {
    if (this.#meanings.has(name)) return name;
    if (this.#face.commandForm.abbreviates !== true || !name.startsWith('--')) return null;
    const longer = [...this.#meanings].filter(([flag]) => flag.startsWith(name));
    // Releases add flags that change no memory: they do not make a flag of the profile ambiguous.
    const modelled = longer.filter(([, { kind }]) => kind !== 'idle' && kind !== 'memory');
    const candidates = modelled.length > 0 ? modelled : longer;
    return new Set(candidates.map(([, meaning]) => meaning)).size === 1 ? (candidates[0]?.[0] ?? null) : null;
  }

  #takeMeaning(flag: string, typed: string, inline: string | null): void {
    const meaning = this.#meanings.get(flag);
    if (meaning === undefined) return;
    switch (meaning.kind) {
      case 'model':
        this.#model = inline ?? this.#value(typed);
        return;
      case 'file':
        this.#unread.push(`${typed} ${inline ?? this.#value(typed)}`);
        return;
      case 'shorthand':
        this.#takeShorthand(meaning.shorthand, typed, inline);
        return;
      case 'largest':
        this.#takeLargest(meaning.of, typed, inline);
        return;
      case 'shared':
        this.#takeShared(meaning.name, typed, inline);
        return;
      case 'option':
        this.#takeOption(meaning.spec, typed, inline);
        return;
      case 'memory':
        if (this.#isIdleValue(flag, inline ?? this.#words[this.#at])) {
          const value = inline ?? this.#value(typed);
          this.#leftOut.add(typed.endsWith(value) ? typed : `${typed} ${value}`);
          return;
        }
        throw notModelled(this.#face, flag, typed);
      case 'idle':
        this.#leftOut.add(typed);
        if (inline === null) this.#skipValues(meaning.values);
    }
  }

  #isIdleValue(flag: string, value: string | undefined): boolean {
    const idle = this.#face.commandForm.idleValues ?? {};
    return value !== undefined && Object.hasOwn(idle, flag) && idle[flag]?.includes(value) === true;
  }

  #takeShared(name: SharedFlag, typed: string, inline: string | null): void {
    if (name === sharedSwitch) {
      if (this.#isOn(inline)) this.#flags.set(name, null);
      return;
    }
    const given = setValue(typed, inline ?? this.#value(typed));
    const format = Object.hasOwn(this.#face.formatSpellings, given)
      ? this.#face.formatSpellings[given]
      : given;
    // The name describes the checkpoint's storage, which the checkpoint itself states.
    if (format === null || format === undefined) this.#leftOut.add(`${typed} ${given}`);
    else this.#flags.set(name, format);
  }

  #takeShorthand(shorthand: Shorthand, typed: string, inline: string | null): void {
    const value = typeof shorthand === 'function' ? (inline ?? this.#value(typed)) : null;
    const { model, ...flags } = typeof shorthand === 'function' ? shorthand(value ?? '') : shorthand;
    if (model !== undefined) this.#model = model;
    for (const [flag, text] of Object.entries(flags)) this.#flags.set(flag, text);
    if (model === undefined && Object.keys(flags).length === 0)
      this.#leftOut.add(value === null ? typed : `${typed} ${value}`);
  }

  /** Takes the numbers of a list, and gives the largest to the flag that means it. */
  #takeLargest(flag: string, typed: string, inline: string | null): void {
    const texts = this.#numbers(typed, inline);
    const largest = Math.max(...texts.flatMap((text) => text.split(/[\s,]+/)).map(Number));
    // The reader of the flag refuses what is no number.
    this.#takeMeaning(flag, typed, Number.isNaN(largest) ? texts.join(' ') : String(largest));
  }

  #numbers(typed: string, inline: string | null): readonly string[] {
    return this.#list(typed, inline, (word) => /^\d+$/.test(word ?? ''));
  }

  #list(
    typed: string,
    inline: string | null,
    belongs: (word: string | undefined) => boolean,
  ): readonly string[] {
    const texts = [inline ?? this.#value(typed)];
    while (belongs(this.#words[this.#at])) texts.push(this.#words[this.#at++] ?? '');
    return texts;
  }

  #takeOption(spec: OptionSpec<AnyOptions>, typed: string, inline: string | null): void {
    if (spec.value === null) {
      if (this.#isOn(inline)) this.#flags.set(spec.name, null);
      return;
    }
    if (spec.takesNumbers === true) {
      this.#flags.set(spec.name, this.#numbers(typed, inline).join(' '));
      return;
    }
    if (spec.takesWords === true) {
      this.#flags.set(spec.name, this.#list(typed, inline, isValue).join(' '));
      return;
    }
    const next = this.#words[this.#at];
    const isBare = spec.bare !== undefined && inline === null && (next === undefined || !reads(spec, next));
    const text = isBare ? (spec.bare ?? '') : setValue(typed, inline ?? this.#value(typed));
    const earlier = spec.repeats === undefined ? undefined : this.#flags.get(spec.name);
    this.#flags.set(spec.name, typeof earlier === 'string' ? earlier + spec.repeats + text : text);
  }

  /** Reads the state of a switch: Python's or JSON's words for true and false may follow it. */
  #isOn(inline: string | null): boolean {
    const next = this.#words[this.#at] ?? '';
    const isNext = inline === null && /^(?:true|false)$/i.test(next);
    if (isNext) this.#at++;
    return !/^(?:false|0)$/i.test(isNext ? next : (inline ?? ''));
  }

  #takeKey(flag: string, keys: readonly string[], inline: string | null): void {
    const text = inline ?? this.#value(flag);
    const root = this.#objects.get(flag) ?? {};
    this.#objects.set(flag, root);
    let object = root;
    for (const key of keys.slice(0, -1)) {
      const inner = Object.hasOwn(object, key) ? object[key] : undefined;
      const next: Record<string, unknown> = typeof inner === 'object' && inner !== null ? { ...inner } : {};
      object[key] = next;
      object = next;
    }
    object[keys.at(-1) ?? ''] = jsonOrText(text);
  }

  #value(flag: string): string {
    const word = this.#words[this.#at];
    if (word !== undefined && isValue(word)) {
      this.#at++;
      return word;
    }
    throw new PlimsollError({
      code: 'flag-without-value',
      message: `${flag} has no value`,
      value: flag,
      limit: `${flag} VALUE`,
      hint: 'paste the whole command',
    });
  }

  #skipValues(values: 'none' | 'one' | 'all'): void {
    if (values === 'none') {
      if (/^(?:true|false)$/i.test(this.#words[this.#at] ?? '')) this.#at++;
      return;
    }
    const most = values === 'one' ? this.#at + 1 : this.#words.length;
    while (this.#at < most && isValue(this.#words[this.#at])) this.#at++;
  }

  /** Refuses a misspelled flag that changes memory, because the plan would silently ignore it. */
  #refuseMisspelled(name: string): void {
    const near = [...this.#meanings].find(
      ([flag, { kind }]) => kind !== 'idle' && flag.length > 6 && isOneEditApart(flag, name),
    );
    if (near === undefined) return;
    throw new PlimsollError({
      code: 'unknown-engine-flag',
      message: `${this.#face.title} has no flag ${name}`,
      value: name,
      hint: `did you mean ${near[0]}?`,
    });
  }
}

/** Refuses the name of a variable in place of a value. */
function setValue(flag: string, value: string): string {
  if (!/^\$\{?\w+\}?$/.test(value)) return value;
  throw new PlimsollError({
    code: 'unset-variable',
    message: `${flag} has the value of the variable ${value}, which the text does not set`,
    value,
    limit: `${flag} VALUE`,
    hint: 'write the value in its place, or the line that sets the variable before the command',
  });
}

function notModelled({ commandForm, title }: PastedEngine, flag: string, typed: string): PlimsollError {
  const { refusals = {} } = commandForm;
  const reason = Object.hasOwn(refusals, flag) ? `: ${refusals[flag]}` : '';
  return new PlimsollError({
    code: 'flag-not-modelled',
    message: `${typed} changes memory, and plans for ${title} do not model it${reason}`,
    value: typed,
    hint: `leave ${typed} out to plan without it`,
  });
}

/** Returns true for a value: words that start with a dash are flags, except negative numbers and a dash alone. */
function isValue(word: string | undefined): boolean {
  return word !== undefined && (!word.startsWith('-') || /^-\d/.test(word) || word === '-');
}

function reads({ read }: OptionSpec<AnyOptions>, word: string): boolean {
  return read !== null && read(word) !== null;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
