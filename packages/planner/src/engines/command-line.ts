/**
 * Translates a pasted command line of an engine: each flag of the engine becomes the flag of `plimsoll plan`, before
 * the line is parsed (`-ngl 99` would otherwise parse as three one-letter flags). Flags that change no memory are left
 * out and reported.
 */
import type { EngineFlags } from '@plimsoll/registry';
import type { EngineFace } from './contract/engine-face.ts';
import type { OptionSpec } from './contract/option-spec.ts';
import type { AnyOptions } from './engine-list.ts';

/** An engine whose flags a line may contain. */
export interface KnownEngine {
  readonly face: Pick<EngineFace<AnyOptions>, 'options' | 'spellings' | 'formatSpellings'>;
  /** Flags that change no memory; null if no list is known. */
  readonly neutral: Pick<EngineFlags, 'switches' | 'options' | 'lists'> | null;
}

export interface TranslatedLine {
  readonly argv: readonly string[];
  /** Flags that were left out because they change no memory. */
  readonly leftOut: readonly string[];
}

/** Translates the words of a command line. Words that no engine knows stay unchanged. */
export function translateLine(given: readonly string[], engines: readonly KnownEngine[]): TranslatedLine {
  const dictionary = dictionaryOf(engines);
  const argv: string[] = [];
  const leftOut: string[] = [];
  for (let index = 0; index < given.length; index++) {
    const [name, inline] = splitFlag(given[index] ?? '');
    const own = dictionary.own.get(name);
    const values = own === undefined ? dictionary.neutral.get(name) : undefined;
    if (values !== undefined) {
      leftOut.push(name);
      if (inline === null) index += valuesAfter(given.slice(index + 1), values);
      continue;
    }
    const flag = own === undefined ? name : `--${own.name}`;
    argv.push(inline === null ? flag : `${flag}=${dictionary.format(inline)}`);
    if (own?.spec?.bare !== undefined && inline === null && !isValueOf(own.spec, given[index + 1])) {
      argv.push(own.spec.bare);
    }
  }
  return { argv: argv.map((argument) => dictionary.format(argument)), leftOut };
}

type Values = 'none' | 'one' | 'all';

interface Dictionary {
  /** The option of `plimsoll plan` for each spelling. */
  readonly own: ReadonlyMap<string, { readonly name: string; readonly spec: OptionSpec<AnyOptions> | null }>;
  readonly neutral: ReadonlyMap<string, Values>;
  readonly format: (text: string) => string;
}

function dictionaryOf(engines: readonly KnownEngine[]): Dictionary {
  const own = new Map<string, { readonly name: string; readonly spec: OptionSpec<AnyOptions> | null }>();
  const neutral = new Map<string, Values>();
  const formats = new Map<string, string>();
  for (const { face, neutral: known } of engines) {
    for (const [name, spellings] of Object.entries(face.spellings))
      for (const spelling of spellings) own.set(spelling, { name, spec: null });
    for (const spec of face.options)
      for (const spelling of spec.flags) own.set(spelling, { name: spec.name, spec });
    for (const [name, format] of Object.entries(face.formatSpellings))
      if (format !== null) formats.set(name, format);
    const leaveOut = (names: readonly string[] | undefined, values: Values): void => {
      // If the engine of a flag is unknown, the flag takes several values if it does so in any engine.
      for (const name of names ?? []) if (values === 'all' || !neutral.has(name)) neutral.set(name, values);
    };
    leaveOut(known?.switches, 'none');
    leaveOut(known?.options, 'one');
    leaveOut(known?.lists, 'all');
  }
  // A name of an option is this option, also where another engine has a flag of that spelling.
  for (const { face } of engines)
    for (const spec of face.options) own.set(`--${spec.name}`, { name: spec.name, spec });
  return { own, neutral, format: (text) => formats.get(text) ?? text };
}

function valuesAfter(rest: readonly string[], values: Values): number {
  if (values !== 'all') return values === 'none' ? 0 : 1;
  const next = rest.findIndex((word) => word.startsWith('-'));
  return next === -1 ? rest.length : next;
}

function isValueOf({ read }: OptionSpec<AnyOptions>, word: string | undefined): boolean {
  return word !== undefined && read !== null && read(word) !== null;
}

/** Splits `--name=value`. Some engines also accept underscores for dashes in names. */
function splitFlag(argument: string): readonly [name: string, inline: string | null] {
  if (!argument.startsWith('--')) return [argument, null];
  const equals = argument.indexOf('=');
  const name = equals === -1 ? argument : argument.slice(0, equals);
  return [name.replaceAll('_', '-'), equals === -1 ? null : argument.slice(equals + 1)];
}
