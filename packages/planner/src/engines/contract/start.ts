/**
 * States whether an engine starts on the command that a user would type. This differs from whether the users fit: an
 * engine with enough memory can fail while it starts, and an engine with too little memory can start and let some users
 * wait.
 */
export interface Start {
  readonly starts: boolean;
  /** Null if the engine starts. */
  readonly reason: StartReason | null;
  /** The smallest change that makes the engine start; null if it starts, or if no known change is enough. */
  readonly fix: StartFix | null;
}

export interface StartReason {
  /** Stable code for programs. */
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

/** Code of the reason that repeats the verdict `fits`: the workload needs more memory than the device has. */
export const memoryShort = 'memory-short';
