/** The contract of an engine: its folder exports a profile, and the rest of the planner knows nothing else about it. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { Workload } from '../../question/workload.ts';
import type { EngineFace } from './engine-face.ts';
import type { Start } from './start.ts';

export interface EngineProfile<Options extends object, Name extends string = string>
  extends EngineFace<Options, Name> {
  /** Weight formats that a user may choose, widest first; empty if the engine takes a file as it is. */
  readonly weightFormats: readonly string[];
  /** Computes the bytes that the engine holds and the blocks of the rest. Throws the error that `refusal` returns. */
  prepare(question: Question<Options>): Deployment;
  /**
   * Returns the error with which the engine refuses the question, or null; with less work than `prepare` if possible.
   */
  refusal(question: Question<Options>): PlimsollError | null;
  /**
   * Checks whether the engine starts on the question; otherwise returns the reason and the change that makes it start.
   */
  start(question: Question<Options>, current: Deployment): Start;
  /**
   * Returns the workload with the context that the engine chooses for the question's `openContext`. Absent if the
   * engine takes the longest context that memory allows.
   */
  readonly ownWorkload?: (question: Question<Options>) => Workload;
  /** Proposes an 8-bit KV cache, if device and model allow it; undefined if the engine has none. */
  readonly cacheChanges?: (question: Question<Options>) => readonly Change<Options>[];
  /** Lists changes on the same engine. Advice lists changes of equal size in this order. */
  changes(question: Question<Options>, current: Deployment): readonly Change<Options>[];
  /**
   * Returns the flags that a change for fewer users than asked for adds to the command. Null if `changes` proposes
   * fewer users as a change of its own.
   */
  readonly flagsForUsers: ((question: Question<Options>, users: number) => string) | null;
}

/** One change to a question, with its cost in words. */
export interface Change<Options extends object> {
  /** Changes of one kind exclude each other: two weight formats, two contexts. */
  readonly kind: string;
  readonly title: string;
  readonly flags: string;
  readonly cost: string;
  /**
   * Size of the change: 1 a flag, 2 cache precision, 3 and more a shorter context, 4 and 5 weight precision, 6 more
   * devices, 7 other devices.
   */
  readonly size: number;
  readonly apply: <Asked extends Question<Options>>(question: Asked) => Asked;
}

/** Returns the PlimsollError that `attempt` throws, or null if it throws nothing. Rethrows any other error. */
export function refusalOf(attempt: () => unknown): PlimsollError | null {
  try {
    attempt();
    return null;
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
}
