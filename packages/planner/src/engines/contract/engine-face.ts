/**
 * The facts of an engine that need no planning: names, options, its own flags for the options that every engine has,
 * its scheduler, its start-up log. Plain data and parsers of texts, so that a page can load the faces of all engines.
 */
import type { CommandForm } from './command-form.ts';
import type { LogLine } from './log-line.ts';
import type { OptionSpec } from './option-spec.ts';
import type { StartLogFigure } from './start-log.ts';
import type { StepPolicy } from './step-policy.ts';

/** Options that every engine has, by their flag of `plimsoll plan`. */
export type SharedFlag = 'context' | 'users' | 'tp' | 'pp' | 'dp' | 'ep' | 'weights' | 'dtype' | 'kv';

/** An engine's own flags for these options, the usual spelling first. */
export type Spellings = Readonly<Partial<Record<SharedFlag, readonly string[]>>>;

export interface EngineFace<Options extends object, Name extends string = string> {
  readonly name: Name;
  /** Name in messages, as people write it; null if no engine runs. */
  readonly title: string | null;
  /** Other names of the engine that a command line accepts. */
  readonly aliases: readonly string[];
  readonly options: readonly OptionSpec<Options>[];
  readonly spellings: Spellings;
  /**
   * Names of weight formats that also choose a kernel, with the format that they stand for; null for names of a
   * checkpoint's storage, which the checkpoint itself states.
   */
  readonly formatSpellings: Readonly<Record<string, string | null>>;
  /** The spelling of a release; null if the profile has no releases. */
  readonly release: { readonly form: RegExp; readonly limit: string } | null;
  /** Usual formats of converted weights: 8 bits, then 4. Empty if the engine converts weights to its own formats. */
  readonly usualFormats: readonly string[];
  /** Formats that the engine makes from a plain checkpoint while it loads. Default: none. */
  readonly madeWhileLoading?: readonly string[];
  /** Files that the engine loads: checkpoints as published, GGUF files, or either. */
  readonly loads: 'checkpoints' | 'gguf' | 'either';
  /** How devices divide a model: a part of every layer, whole layers, or not at all. */
  readonly split: 'tensors' | 'layers' | 'nothing';
  /** True if the profile plans unlike devices, although the engine gives each an equal part. Engines that split layers take them. */
  readonly takesUnlikeDevices?: boolean;
  /** True if the engine starts with less memory than its users need and lets some users wait. */
  readonly usersWait: boolean;
  /** Values of the context flag for a context that the engine chooses; absent if the engine chooses none. */
  readonly openContexts?: readonly string[];
  /** True if the engine chooses the context unless a user names one: the first of `openContexts`. */
  readonly choosesContext?: boolean;
  /** True if the engine starts with a context longer than the model was trained for. */
  readonly runsPastTraining: boolean;
  /**
   * True if the engine runs on the machine that plans: this machine is the default device, and advice names no other.
   */
  readonly runsHere: boolean;
  /** True if the program starts another engine of the list: advice then names that engine alone. */
  readonly runsAnotherEngine?: boolean;
  /** Policy of the scheduler; null if no engine schedules. */
  readonly serving: StepPolicy | null;
  /** Figures of the start-up log; null if no log is compared. */
  readonly startLog: readonly StartLogFigure[] | null;
}

/** A face with the texts that people paste: a command that starts the engine, and its log. A page plans without them. */
export interface PastedFace<Options extends object, Name extends string = string>
  extends EngineFace<Options, Name> {
  /** How a command names the engine and its model. */
  readonly commandForm: CommandForm;
  /** Lines of the engine's log besides the figures of `startLog`: models, arguments, devices, errors. */
  readonly logLines: readonly LogLine[];
}

/** Returns the engine's usual flag for an option that every engine has. */
export function sharedFlag({ spellings }: Pick<EngineFace<object>, 'spellings'>, name: SharedFlag): string {
  return spellings[name]?.[0] ?? `--${name}`;
}
