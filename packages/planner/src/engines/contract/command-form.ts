/**
 * The form of the commands that start an engine: how to recognise a pasted command, and the meanings of its words.
 * `plimsoll plan -- COMMAND` reads the commands of every engine by this form alone.
 *
 * The other flags need no entry in this form. The reader honours a flag of `options` or `spellings`: any flag that an
 * option lists, with `=`, with underscores, as `--flag.key value` for a JSON object, or shortened if `abbreviates` is
 * true. It leaves out a flag of the registry's list `engines/flags/<engine>.json` (`switches`, `options`, `lists`) or
 * refuses it by name (`memorySwitches`, `memoryOptions`), unless an option of the profile takes it.
 */

/** A switch has the value null. */
type ShorthandFlags = Readonly<Record<string, string | null>>;
export type Shorthand = ShorthandFlags | ((value: string) => ShorthandFlags);

export interface CommandForm {
  /** First words of a command, such as `['engine', 'serve']`. A folder before them and `.exe` after them are ignored. */
  readonly programs: readonly (readonly string[])[];
  /** Python modules: `python -m MODULE`, or the path of the module's file. */
  readonly modules: readonly string[];
  /**
   * Container images without tag, and without their registry. The words after an image are its command, or the
   * arguments of the engine. A part of the tag that has the form of a release is the release.
   */
  readonly images: readonly string[];
  /** Flags whose value is the model: a name, a path, or `repository:mixture`. */
  readonly modelFlags: readonly string[];
  /** True if a word without a flag is the model. */
  readonly takesModelWord: boolean;
  /** Completes the name of a model as the engine does; absent if the engine takes names as they are. */
  readonly wholeName?: (model: string) => string;
  /**
   * Sequence length if the command has no flag for it: the model's own, the engine's choice (the first of the face's
   * `openContexts`), or a number of tokens.
   */
  readonly usualContext: 'model' | 'own' | number;
  /** Flags of `plimsoll plan` that hold unless the command states them, by the release of the command. */
  readonly usualFlags?: (release: string | null) => Readonly<Record<string, string>>;
  /**
   * Flags of this form alone, with the option of the profile or the shared flag that they set. An option cannot list a
   * flag that `plimsoll plan` has with another meaning.
   */
  readonly ownFlags?: Readonly<Record<string, string>>;
  /** True if the flag for the context counts the tokens of all users together. */
  readonly contextIsShared: boolean;
  /**
   * Rewrites a number of tokens that has another meaning for the engine than for us; null if all have the same meaning.
   */
  readonly readTokens: ((text: string) => string) | null;
  /**
   * Environment variables that change memory: each function maps a value to flags of `plimsoll plan` without dashes
   * (`model` is the model). Other variables are left out. A variable without a matching flag calls `refuseVariable`.
   */
  readonly variables: Readonly<Record<string, (value: string) => Readonly<Record<string, string>>>>;
  /** True if a flag may be shortened to any prefix that no other flag has, as in Python's argparse. */
  readonly abbreviates: boolean;
  /** True if `--no-` before the name of any switch turns it off, as in Python's BooleanOptionalAction. */
  readonly negates?: boolean;
  /** Why no plan models a flag of the registry's lists `memorySwitches` and `memoryOptions`, by flag. */
  readonly refusals?: Readonly<Record<string, string>>;
  /** Values with which a flag changes no memory, by flag, where other values of the flag are refused. */
  readonly idleValues?: Readonly<Record<string, readonly string[]>>;
  /**
   * Flags whose value is a file of further options, which is not part of the command; `options` says which options in
   * it change memory, and with which flags a plan takes them.
   */
  readonly optionFiles?: { readonly flags: readonly string[]; readonly options: string };
  /** Flags that stand for others: flags of `plimsoll plan` (`model` is the model), by switch or from the flag's value. */
  readonly shorthands?: Readonly<Record<string, Shorthand>>;
  /** Flags with a list of numbers, by the flag whose value the largest of them is. */
  readonly largestOf?: Readonly<Record<string, readonly string[]>>;
  /** True if the words after the model are a prompt. */
  readonly takesPrompt?: boolean;
  /** Flags of this form alone that change no memory, without a value and with one value. */
  readonly idleFlags?: { readonly switches: readonly string[]; readonly options: readonly string[] };
  /** Other programs on the same engine with other defaults; absent if there are none. */
  readonly variants?: readonly CommandForm[];
}
