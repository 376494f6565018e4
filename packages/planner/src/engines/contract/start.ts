/**
 * Whether an engine starts on the command that a person would type. This is another question than whether the users fit: an
 * engine can have room for them and stop while it starts, or start and let some of them wait.
 */
export interface Start {
  readonly starts: boolean;
  /** Null where the engine starts. */
  readonly reason: StartReason | null;
  /** The smallest change that makes it start; null where it starts, and where no known change is enough. */
  readonly fix: StartFix | null;
}

export interface StartReason {
  /** Stable: for programs. */
  readonly code: string;
  readonly message: string;
}

export interface StartFix {
  /** Flags to add or change. */
  readonly flags: string;
  /** The whole command; null for an engine without one. */
  readonly command: string | null;
}

export const startsAsAsked: Start = { starts: true, reason: null, fix: null };

/** Code of the reason that repeats the verdict `fits`: the workload needs more memory than there is. */
export const memoryShort = 'memory-short';
