/**
 * What single lines of an engine's log say. The folder of each engine lists its lines; the reader of logs (log/) finds their
 * fixed words in a text of any length, and puts together what they state. Figures that have a `startLog` form need no line here.
 */
import type { PlannedFigure } from './start-log.ts';

/** What one line states; every field is absent where it states nothing of the kind. */
export interface LogFact {
  /** True for a line that only a new start prints: figures and errors before it belong to an earlier start. */
  readonly isStart?: boolean;
  readonly model?: string;
  readonly release?: string;
  /** Arguments that were given, by names of the engine's flags without dashes: `['max-model-len', '8192']`. */
  readonly given?: readonly Argument[];
  /** Settings that the engine ended up with; they count where nothing was given. */
  readonly settled?: readonly Argument[];
  /** A device by its name, and its number where the line has one. */
  readonly device?: { readonly index: number; readonly name: string };
  /** Memory of one device that a process gets, in bytes. */
  readonly deviceBytes?: number;
  readonly figures?: readonly PrintedFigure[];
  readonly error?: LogError;
}

export type Argument = readonly [name: string, value: string];

export interface PrintedFigure {
  readonly figure: string;
  readonly unit: 'GiB' | 'tokens' | 'times';
  readonly printed: number;
  /** What of the plan it is compared with; null where the plan has nothing of the kind. */
  readonly planned: PlannedFigure | null;
  /** The device that the line is about, where an engine prints a line for each: the fullest device counts. */
  readonly part?: string;
  /** True if several lines about one device add up. */
  readonly addsUp?: boolean;
  /** Context in tokens for which the figure was counted; absent where it holds for any. */
  readonly contextTokens?: number;
}

export interface LogError {
  /** Stable: for programs. */
  readonly code: string;
  /** What went wrong, with the numbers of the line. */
  readonly message: string;
  /** Bytes that were missing, where the line tells. */
  readonly missingBytes?: number;
  /** Changes that the line itself suggests, as words of the engine's command line. */
  readonly tries?: readonly (readonly string[])[];
  /** Flag for the share of the memory that the engine takes, where a smaller share leaves room for what was missing. */
  readonly shareFlag?: string;
  /** True for an error that follows from another: it counts where the log has no other. */
  readonly isConsequence?: boolean;
}

export interface LogLine {
  /** Fixed words: the line is read where a text has them. */
  readonly words: string;
  /** True if no other engine prints these words. */
  readonly isMark: boolean;
  /** What the line states; `at` is where its fixed words begin. Null where it is another line after all. */
  readonly read: (line: string, at: number) => LogFact | null;
}
