/** The fields that a run and the checkpoint that it resumes must have in common. */
import { createHash } from 'node:crypto';
import type { OptimizerSettings, ResumeContract } from '@plimsoll/training/trainer';
import type { VocabularyMap } from '../data/vocabulary-map.ts';

export interface RunIdentity {
  readonly strategy: string;
  /** The draft's section of the recipe. */
  readonly draft: Readonly<Record<string, unknown>>;
  /** SHA-256 of the target's weights; null without a target. */
  readonly targetSha256: string | null;
  readonly vocabulary: VocabularyMap | null;
  /** Names the samples: the run id of a features folder or of a ledger. */
  readonly data: string;
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly accumulation: number;
  readonly optimizer: OptimizerSettings;
}

export function runContract(identity: RunIdentity): ResumeContract {
  const { strategy, targetSha256, data, seed, epochs, batchSize, accumulation, optimizer } = identity;
  const { adamW, schedule, gradientNormMax } = optimizer;
  return {
    ...{ strategy, targetSha256, data, seed, epochs, batchSize, accumulation, gradientNormMax },
    ...prefixed('draft', identity.draft),
    ...prefixed('schedule', { ...schedule }),
    ...prefixed('adamW', { ...adamW }),
    vocabularySha256: identity.vocabulary === null ? null : hashOf(identity.vocabulary),
  };
}

/** One field per key, so that an error names the key that changed. */
function prefixed(prefix: string, section: Readonly<Record<string, unknown>>): ResumeContract {
  const fields = Object.entries(section).map(([key, value]) => {
    const isPlain = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
    return [`${prefix}.${key}`, isPlain ? value : JSON.stringify(value)] as const;
  });
  return Object.fromEntries(fields);
}

function hashOf({ draftToTarget }: VocabularyMap): string {
  return createHash('sha256').update(draftToTarget.join(' ')).digest('hex');
}
