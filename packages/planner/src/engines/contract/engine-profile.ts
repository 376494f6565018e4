/** The contract of an engine: what its folder exports, and all that the rest of the planner knows of it. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { EngineFace } from './engine-face.ts';

export interface EngineProfile<Options extends object, Name extends string = string>
  extends EngineFace<Options, Name> {
  /** Formats that a person may choose for the weights, widest first; empty where a file is taken as it is. */
  readonly weightFormats: readonly string[];
  /** What the engine would hold and how it cuts the rest into blocks. Throws what `refusal` returns. */
  prepare(question: Question<Options>): Deployment;
  /** Why the engine would refuse the question, or null: for less work than `prepare` where that is possible. */
  refusal(question: Question<Options>): PlimsollError | null;
  /** What a person can change on the same engine, in the order in which equal changes are listed. */
  changes(question: Question<Options>, current: Deployment): readonly Change<Options>[];
  /**
   * What a change adds to the command when it is made for fewer users than were asked. Null where `changes` asks for fewer
   * users by itself.
   */
  readonly flagsForUsers: ((question: Question<Options>, users: number) => string) | null;
}

/** One change to a question, with its price in words. */
export interface Change<Options extends object> {
  /** Changes of one kind exclude each other: two weight formats, two contexts. */
  readonly kind: string;
  readonly title: string;
  readonly flags: string;
  readonly cost: string;
  /** How far-reaching it is: 1 a flag, 2 a cache precision, 3 shorter contexts, 4 and 5 weight precision, 6 more devices, 7 others. */
  readonly size: number;
  readonly apply: <Asked extends Question<Options>>(question: Asked) => Asked;
}

/** What this throws when it is a refusal; null when it throws nothing. A defect stays a defect. */
export function refusalOf(attempt: () => unknown): PlimsollError | null {
  try {
    attempt();
    return null;
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
}
