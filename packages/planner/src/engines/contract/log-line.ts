/**
 * The lines of an engine's log and the facts that they state. The folder of each engine lists its lines; the reader of
 * logs (log/) finds their fixed words in a text of any length and combines the facts. Figures with a `startLog` form
 * need no line.
 */
import type { PlannedFigure } from './start-log.ts';

/** The facts of one line; a field is undefined if the line does not state it. */
export interface LogFact {
  /** True for a line that only a new start prints: figures and errors before it belong to an earlier start. */
  readonly isStart?: boolean;
  readonly model?: string;
  readonly release?: string;
  /** Arguments of the command, by names of the engine's flags without dashes: `['max-model-len', '8192']`. */
  readonly given?: readonly Argument[];
  /** Settings that the engine chose; they count if the command does not give them. */
  readonly settled?: readonly Argument[];
  /** Number and name of a device. */
  readonly device?: { readonly index: number; readonly name: string };
  /** Bytes of one device that a process can use. */
  readonly deviceBytes?: number;
  /** Bytes of one device that were free before the engine loaded weights. */
  readonly freeBytes?: number;
  /** Vendor of the devices, if the line names its software. */
  readonly deviceVendor?: 'NVIDIA' | 'AMD';
  readonly figures?: readonly PrintedFigure[];
  readonly error?: LogError;
}

export type Argument = readonly [name: string, value: string];

export interface PrintedFigure {
  readonly figure: string;
  readonly unit: 'GiB' | 'tokens' | 'times';
  readonly printed: number;
  /** The figure of the plan to compare with; null if the plan has none. */
  readonly planned: PlannedFigure | null;
  /** The device of the line, if an engine prints a line for each device: the fullest device counts. */
  readonly part?: string;
  /** True if several lines about one device add up. */
  readonly addsUp?: boolean;
  /** Context in tokens for which the engine counted the figure; undefined if it holds for every context. */
  readonly contextTokens?: number;
}

export interface LogError {
  /** Stable code for programs. */
  readonly code: string;
  /** Description of the failure, with the numbers of the line. */
  readonly message: string;
  /** Missing bytes, if the line states them. */
  readonly missingBytes?: number;
  /** Changes that the line suggests, as words of the engine's command line. */
  readonly tries?: readonly (readonly string[])[];
  /** Flag for the engine's share of the memory, if a smaller share leaves room for the missing bytes. */
  readonly shareFlag?: string;
  /** The largest value of `shareFlag` that the free memory allows; undefined if the line does not limit it. */
  readonly shareMax?: number;
  /** True if the weights alone exceed the share that `shareFlag` sets. */
  readonly needsLargerShare?: boolean;
  /** True for an error that follows from another error: it counts only if the log has no other. */
  readonly isConsequence?: boolean;
}

export interface LogLine {
  /** Fixed words that identify the line in a text. */
  readonly words: string;
  /** True if no other engine prints these words. */
  readonly isMark: boolean;
  /** Reads the facts of a line; `at` is the offset of its fixed words. Returns null if it is another line. */
  readonly read: (line: string, at: number) => LogFact | null;
}
