/**
 * How people start an engine: what a pasted command is recognised by, and what its words mean. `plimsoll plan -- COMMAND`
 * reads every engine's commands by this form alone.
 *
 * What needs no entry here: a flag of `options` or `spellings` is honoured (the first that an option lists, or any other,
 * with `=`, with underscores, as `--flag.key value` for a JSON object, or shortened where `abbreviates`); a flag of the
 * registry's list `engines/flags/<engine>.json` is left out (`switches`, `options`, `lists`) or refused by name
 * (`memorySwitches`, `memoryOptions`) as long as no option of the profile takes it.
 */

export interface CommandForm {
  /** First words of a command, such as `['engine', 'serve']`. A folder before them and `.exe` after them are ignored. */
  readonly programs: readonly (readonly string[])[];
  /** Python modules: `python -m MODULE`, or the path of the module's file. */
  readonly modules: readonly string[];
  /**
   * Container images without tag, and without their registry. The words after an image are its command, or the arguments
   * of the engine. A part of the tag that has the form of a release is the release.
   */
  readonly images: readonly string[];
  /** Flags whose value is the model: a name, a path, or `repository:mixture`. */
  readonly modelFlags: readonly string[];
  /** Whether a word without a flag is the model. */
  readonly takesModelWord: boolean;
  /** Sequence length without a flag: the model's own, or a number of tokens. */
  readonly usualContext: 'model' | number;
  /** Whether the flag for the context counts the tokens of all users together. */
  readonly contextIsShared: boolean;
  /** Rewrites a number of tokens that means another number to this engine than to us; null where no text does. */
  readonly readTokens: ((text: string) => string) | null;
  /**
   * Environment variables that change memory: what a value sets, by flags of `plimsoll plan` without dashes (`model` is the
   * model). Other variables are left out. A variable that no flag stands for calls `refuseVariable`.
   */
  readonly variables: Readonly<Record<string, (value: string) => Readonly<Record<string, string>>>>;
  /** Whether a flag may be shortened to any beginning that no other flag has, as Python's argparse allows. */
  readonly abbreviates: boolean;
}
