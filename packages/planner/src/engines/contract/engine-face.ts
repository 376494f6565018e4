/**
 * What is known of an engine without planning anything: names, options, how its command line says what every engine is
 * asked, how it schedules, what it prints. Plain data and parsers of texts, so that a page can load all of them.
 */
import type { OptionSpec } from './option-spec.ts';
import type { StartLogFigure } from './start-log.ts';
import type { StepPolicy } from './step-policy.ts';

/** What every engine is asked, by the flag of `plimsoll plan`. */
export type SharedFlag = 'context' | 'users' | 'tp' | 'pp' | 'dp' | 'ep' | 'weights' | 'dtype' | 'kv';

/** What an engine's own command line calls these, the usual spelling first. */
export type Spellings = Readonly<Partial<Record<SharedFlag, readonly string[]>>>;

export interface EngineFace<Options extends object, Name extends string = string> {
  readonly name: Name;
  /** As people write it, in messages; null where no engine runs. */
  readonly title: string | null;
  /** Other names that a command line takes for it. */
  readonly aliases: readonly string[];
  readonly options: readonly OptionSpec<Options>[];
  readonly spellings: Spellings;
  /** Names of weight formats that say which kernel to use, and the format they stand for. */
  readonly formatSpellings: Readonly<Record<string, string>>;
  /** How a release is written; null where the profile has none. */
  readonly release: { readonly form: RegExp; readonly limit: string } | null;
  /** What people convert weights to for it: eight bits, then four. Empty where it has formats of its own making. */
  readonly usualFormats: readonly string[];
  /** What it loads: checkpoints as published, GGUF files, or either. */
  readonly loads: 'checkpoints' | 'gguf' | 'either';
  /** What several devices share: every layer, whole layers, or nothing. */
  readonly split: 'tensors' | 'layers' | 'nothing';
  /** Whether it starts with less memory than its users need and lets some of them wait. */
  readonly usersWait: boolean;
  /** Whether it runs in the machine that plans: a device that nobody named is this one, and no other is advised. */
  readonly runsHere: boolean;
  /** Null where nothing is scheduled. */
  readonly serving: StepPolicy | null;
  /** Figures of the log that it prints when it starts; null where none is compared. */
  readonly startLog: readonly StartLogFigure[] | null;
}

/** The engine's usual flag for something that every engine is asked. */
export function sharedFlag({ spellings }: Pick<EngineFace<object>, 'spellings'>, name: SharedFlag): string {
  return spellings[name]?.[0] ?? `--${name}`;
}
