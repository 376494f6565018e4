/**
 * One option of an engine, said once: its name in an address and on the command line of `plimsoll plan`, the engine's own
 * flags for it, what a text for it may be, and how a value is written back. The flags of the command line, the fields of
 * the page, the reader of an engine's command and the command that starts what was planned all go through this list.
 */
import { assert } from '@plimsoll/foundation';

export interface OptionSpec<Options extends object> {
  /** `max-num-seqs`: the flag of `plimsoll plan` without its dashes, and the key in an address. */
  readonly name: string;
  /** The same on the engine's own command line, the usual spelling first; empty where the engine has no flag for it. */
  readonly flags: readonly string[];
  /** What stands for the value in a help text, `<count>`; null for a switch, whose only text is `on`. */
  readonly value: string | null;
  /** What the flag means where no value follows it; absent where one must. */
  readonly bare?: string;
  /** What a help text says. */
  readonly words: string;
  /** What a text may be, in words: "a whole number from 1 to 1000". */
  readonly limit: string;
  /** How a page asks for it: as a number, as a text, as a choice of these; null where a page does not. */
  readonly field: 'number' | 'text' | readonly string[] | null;
  /** What the text sets; null for a text that is no value. The option itself is null where only the caller can read it. */
  readonly read: ((text: string) => Options | null) | null;
  /** The text of what is set; null where nothing is. */
  readonly write: (options: Options) => string | null;
}

type Described<Options extends object> = Pick<OptionSpec<Options>, 'name' | 'flags' | 'words'> &
  Partial<Pick<OptionSpec<Options>, 'value' | 'field'>>;

/** Largest count any option takes: above it sums leave the range of exact integers. */
const countMax = 10_000_000;

/** An option whose value is a whole number. */
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

/** An option that is there or not. */
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

export function textOf(value: string | number | undefined): string | null {
  return value === undefined ? null : String(value);
}

/** The words of a command line that set these options, in the order of the list. */
export function optionWords<Options extends object>(
  specs: readonly OptionSpec<Options>[],
  options: Options,
): readonly string[] {
  return specs.flatMap((spec) => {
    const text = spec.write(options);
    if (text === null || spec.flags.length === 0) return [];
    return spec.value === null ? [usualFlag(spec)] : [usualFlag(spec), text];
  });
}

function usualFlag({ name, flags }: { readonly name: string; readonly flags: readonly string[] }): string {
  const [flag] = flags;
  assert(flag !== undefined, `${name} has a flag`);
  return flag;
}
