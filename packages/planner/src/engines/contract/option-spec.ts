/**
 * The single definition of an engine's option: its name in an address and on the command line of `plimsoll plan`, the
 * engine's own flags, the texts that it accepts, and the text of a value. The flags of the command line, the fields of
 * the page, the reader of an engine's command and the start command all use this definition.
 */
import { assert } from '@plimsoll/foundation';

export interface OptionSpec<Options extends object> {
  /** `max-num-seqs`: the flag of `plimsoll plan` without its dashes, and the key in an address. */
  readonly name: string;
  /** The engine's own flags, the usual spelling first; empty if the engine has no flag for the option. */
  readonly flags: readonly string[];
  /** Placeholder of the value in a help text, `<count>`; null for a switch, whose only text is `on`. */
  readonly value: string | null;
  /** True if the engine takes several numbers after the flag, separated by spaces. */
  readonly takesNumbers?: true;
  /** True if the engine takes several words after the flag, separated by spaces. */
  readonly takesWords?: true;
  /** What joins the values of a flag that is given several times; absent if the last value wins. */
  readonly repeats?: string;
  /** Value of the flag if no value follows; undefined if a value must follow. */
  readonly bare?: string;
  /** Description in a help text. */
  readonly words: string;
  /** The accepted texts, in words: "a whole number from 1 to 1000". */
  readonly limit: string;
  /** Field of a page: a number, a text, or a choice of these; null if pages have no field for the option. */
  readonly field: 'number' | 'text' | readonly string[] | null;
  /**
   * Parses a text to the option that it sets; returns null for a text that is no value. The parser itself is null if
   * only the caller can parse the text.
   */
  readonly read: ((text: string) => Options | null) | null;
  /** Returns the text of the option's value; null if the option is not set. */
  readonly write: (options: Options) => string | null;
  /** Returns the name of another model in the option's value; the caller finds that model. Absent if no value has a name. */
  readonly namedModel?: (options: Options) => string | null;
  /** Returns the values of the model's config.json that the option replaces; the caller reads the model with them. */
  readonly configOverrides?: (options: Options) => Readonly<Record<string, unknown>> | null;
}

type Described<Options extends object> = Pick<OptionSpec<Options>, 'name' | 'flags' | 'words'> &
  Partial<Pick<OptionSpec<Options>, 'value' | 'field'>>;

/** Largest count of any option: with larger counts, sums leave the range of exact integers. */
const countMax = 10_000_000;

/** Defines an option whose value is a whole number. */
export function countOption<Options extends object>(
  described: Described<Options> & { readonly least?: number },
  set: (count: number) => Options,
  get: (options: Options) => number | undefined,
): OptionSpec<Options> {
  const { least = 1, ...facts } = described;
  return {
    value: '<count>',
    field: null,
    ...facts,
    limit: `a whole number from ${least} to ${countMax}`,
    read: (text) => {
      const count = Number(text);
      const isCount = /^\d+$/.test(text.trim()) && count >= least && count <= countMax;
      return isCount ? set(count) : null;
    },
    write: (options) => textOf(get(options)),
  };
}

/** Defines an option that is either set or not. */
export function switchOption<Options extends object>(
  described: Described<Options>,
  set: Options,
  isSet: (options: Options) => boolean,
): OptionSpec<Options> {
  return {
    field: null,
    ...described,
    value: null,
    limit: 'on',
    read: (text) => (text === 'on' ? set : null),
    write: (options) => (isSet(options) ? 'on' : null),
  };
}

/** Defines an option whose value is a decimal number above 0 and at most `most`, which is 1 for a share. */
export function decimalOption<Options extends object>(
  described: Described<Options> & { readonly most?: number },
  set: (value: number) => Options,
  get: (options: Options) => number | undefined,
): OptionSpec<Options> {
  const { most = 1, ...facts } = described;
  return {
    value: '<share>',
    field: null,
    ...facts,
    limit: `a number above 0 and at most ${most}, such as 0.85`,
    read: (text) => {
      const value = /^\s*\d{0,4}(?:\.\d{1,6})?\s*$/.test(text) ? Number(text) : 0;
      return value > 0 && value <= most ? set(value) : null;
    },
    write: (options) => textOf(get(options)),
  };
}

/** Defines an option whose value is one of these words. */
export function choiceOption<Options extends object>(
  described: Described<Options> & { readonly choices: readonly string[] },
  set: (choice: string) => Options,
  get: (options: Options) => string | undefined,
): OptionSpec<Options> {
  const { choices, ...facts } = described;
  return {
    value: '<name>',
    field: null,
    ...facts,
    limit: choices.join(', '),
    read: (text) => (choices.includes(text.trim()) ? set(text.trim()) : null),
    write: (options) => textOf(get(options)),
  };
}

/** Defines an option whose value is one of many names, few of which change memory. */
export function nameOption<Options extends object>(
  described: Described<Options>,
  set: (name: string) => Options,
  get: (options: Options) => string | undefined,
): OptionSpec<Options> {
  return {
    value: '<name>',
    field: null,
    ...described,
    limit: 'a name of letters, digits, dashes and underscores',
    read: (text) => (/^[a-z][a-z0-9_-]{0,40}$/i.test(text.trim()) ? set(text.trim().toLowerCase()) : null),
    write: (options) => textOf(get(options)),
  };
}

export function textOf(value: string | number | undefined): string | null {
  return value === undefined ? null : String(value);
}

/** Returns the words of a command line that set these options, in the order of the list. */
export function optionWords<Options extends object>(
  specs: readonly OptionSpec<Options>[],
  options: Options,
): readonly string[] {
  return specs.flatMap((spec) => {
    const text = spec.write(options);
    if (text === null || spec.flags.length === 0) return [];
    if (spec.value === null) return [usualFlag(spec)];
    const isList = spec.takesNumbers === true || spec.takesWords === true;
    return [usualFlag(spec), ...(isList ? text.split(' ') : [text])];
  });
}

function usualFlag({ name, flags }: { readonly name: string; readonly flags: readonly string[] }): string {
  const [flag] = flags;
  assert(flag !== undefined, `${name} has a flag`);
  return flag;
}
