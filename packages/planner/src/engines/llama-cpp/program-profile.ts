/**
 * Profiles of programs that start llama.cpp with defaults of their own. Such a program turns its question into a
 * question for llama.cpp, and names its own command and its own settings in the answer.
 */
import type { Deployment } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { Workload } from '../../question/workload.ts';
import type { EngineFace } from '../contract/engine-face.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { startIfFits } from '../contract/start-check.ts';
import { type ChangedOptions, type ChangeFlags, cacheChanges, llamaCppChanges } from './changes.ts';
import type { LlamaCppOptions } from './options.ts';
import { llamaCpp } from './profile.ts';

type Limits = Pick<Deployment, 'sequencesMax' | 'sequencesLimit'>;

export interface LlamaCppProgram<Options extends ChangedOptions, Name extends string> {
  readonly face: EngineFace<Options, Name>;
  /** The question that the program asks of llama.cpp. */
  readonly asked: (question: Question<Options>) => Question<LlamaCppOptions>;
  readonly command: (question: Question<Options>) => string;
  /** The release; null for a program whose releases the profile does not tell apart. */
  readonly version: (question: Question<Options>) => string | null;
  readonly notes: (question: Question<Options>) => readonly string[];
  readonly ownWorkload: (question: Question<Options>) => Workload;
  readonly changeFlags: ChangeFlags;
  /** Limits of the program that are tighter than the limits of llama.cpp; absent if it has none. */
  readonly limits?: (question: Question<Options>) => Partial<Limits>;
  readonly flagsForUsers: (question: Question<Options>, users: number) => string;
}

export function llamaCppProgram<Options extends ChangedOptions, Name extends string>(
  program: LlamaCppProgram<Options, Name>,
): EngineProfile<Options, Name> {
  const { face, asked, ownWorkload, changeFlags, flagsForUsers } = program;
  const profile: EngineProfile<Options, Name> = {
    ...face,
    weightFormats: llamaCpp.weightFormats,
    prepare: (question) => {
      const inner = asked(question);
      const deployment = llamaCpp.prepare(inner);
      return {
        ...deployment,
        ...program.limits?.(question),
        engine: face.name,
        engineVersion: program.version(question),
        command: program.command(question),
        notes: [...program.notes(question), ...deployment.notes],
      };
    },
    refusal: (question) => refusalOf(() => asked(question)) ?? llamaCpp.refusal(asked(question)),
    start: (question, current) => startIfFits(profile, question, current),
    ownWorkload,
    changes: (question, current) => llamaCppChanges(question, current, changeFlags),
    cacheChanges: (question) => cacheChanges(question, changeFlags),
    flagsForUsers,
  };
  return profile;
}
