/**
 * Converts the engine's changes to changes of a question: users, context and cache type are its fields, the rest its
 * options.
 */
import type { Question } from '../../question/question.ts';
import { withContext } from '../../question/workload.ts';
import type { Change } from '../contract/engine-profile.ts';
import { engineRequest } from './engine-request.ts';
import { optionChanges } from './option-changes.ts';
import type { PlimsollOptions } from './options.ts';
import type { EngineOptions } from './settings.ts';

export function plimsollChanges(question: Question<PlimsollOptions>): readonly Change<PlimsollOptions>[] {
  return optionChanges(engineRequest(question), question.workload.users).map(({ set, ...change }) => ({
    ...change,
    apply: (old) => ({
      ...old,
      kvFormat: set.kvFormat ?? old.kvFormat,
      options: { ...old.options, ...ownOptions(set) },
      workload: {
        ...withContext(old.workload, set.contextMax ?? old.workload.contextTokens),
        users: set.sequencesMax ?? old.workload.users,
      },
    }),
  }));
}

function ownOptions({ prefillChunkTokens, shrinkWeights }: EngineOptions): PlimsollOptions {
  return {
    ...(prefillChunkTokens !== undefined && { prefillChunkTokens }),
    ...(shrinkWeights !== undefined && { shrinkWeights }),
  };
}
