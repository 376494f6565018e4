/** The sampling flags of `run` and `chat`, with llama.cpp's names, meanings and defaults. */
import { randomInt } from 'node:crypto';
import type { GenerationRequest } from '@plimsoll/engine';
import type { Command } from 'commander';
import { badValue, collected, lonelyFlag, realFlag, wholeFlag } from './flag-values.ts';

export interface SamplingFlags {
  readonly maxTokens?: number;
  readonly temp?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repeatPenalty?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly overflow?: 'refuse' | 'slide';
  readonly keep?: number;
}

const seedMax = 2 ** 32 - 1;

/** Least and greatest value of each flag with a range. */
export const samplingLimits = {
  temp: [0, 100],
  topP: [0, 1],
  minP: [0, 1],
  repeatPenalty: [0.001, 1000],
  seed: [0, seedMax],
} as const;

export function addSamplingFlags(command: Command): Command {
  return command
    .option(
      '-n, --max-tokens <count>',
      'maximum number of output tokens (default: the rest of the context; no limit with --overflow slide)',
      wholeFlag('--max-tokens', 1),
    )
    .option(
      '--temp <number>',
      'temperature; 0 is greedy (default: 0.8)',
      realFlag('--temp', ...samplingLimits.temp),
    )
    .option(
      '--top-k <count>',
      'keep this many most likely tokens; 0 keeps all (default: 40)',
      wholeFlag('--top-k', 0),
    )
    .option(
      '--top-p <share>',
      'keep the most likely tokens with this total probability (default: 0.95)',
      realFlag('--top-p', ...samplingLimits.topP),
    )
    .option(
      '--min-p <share>',
      'drop tokens below this share of the highest probability (default: 0.05)',
      realFlag('--min-p', ...samplingLimits.minP),
    )
    .option(
      '--repeat-penalty <number>',
      'penalty for tokens that are among the last 64; 1 is off (default: 1)',
      realFlag('--repeat-penalty', ...samplingLimits.repeatPenalty),
    )
    .option(
      '--seed <number>',
      'seed of the random numbers, to repeat an answer (default: a new seed)',
      wholeFlag('--seed', ...samplingLimits.seed),
    )
    .option('--stop <text>', 'end the answer before this text; may be repeated', collected)
    .option(
      '--overflow <refuse|slide>',
      'if the context is full: refuse, or drop the older half and compute the rest again (default: refuse)',
      overflowFlag,
    )
    .option(
      '--keep <tokens>',
      'tokens at the start that never slide out (default: the system message, else the start of every text)',
      wholeFlag('--keep', 0),
    );
}

function overflowFlag(text: string): 'refuse' | 'slide' {
  if (text === 'refuse' || text === 'slide') return text;
  throw badValue('--overflow', text, 'refuse or slide');
}

/** The `overflow` of a request. `usualKeepTokens` is the number of kept tokens without --keep. */
export function overflowOf(
  { overflow, keep }: SamplingFlags,
  usualKeepTokens: number,
): NonNullable<GenerationRequest['overflow']> {
  if (overflow === 'slide') return { keepTokens: keep ?? usualKeepTokens };
  if (keep !== undefined) throw lonelyFlag('--keep', '--overflow slide');
  return 'refuse';
}

export interface Sampling {
  readonly sampling: NonNullable<GenerationRequest['sampling']>;
  readonly seed: number;
  readonly stop: readonly string[];
  readonly maxTokens?: number;
}

export function samplingOf(flags: SamplingFlags): Sampling {
  const { temp, topK, topP, minP, repeatPenalty, maxTokens, stop = [] } = flags;
  const seed = flags.seed ?? randomInt(seedMax);
  return {
    sampling: {
      seed,
      ...(temp !== undefined && { temperature: temp }),
      ...(topK !== undefined && { topK }),
      ...(topP !== undefined && { topP }),
      ...(minP !== undefined && { minP }),
      ...(repeatPenalty !== undefined && { repetitionPenalty: repeatPenalty }),
    },
    seed,
    stop,
    ...(maxTokens !== undefined && { maxTokens }),
  };
}
