/** Parses the options by which a benchmark's user chooses what runs. */
import { availableParallelism } from 'node:os';
import { PlimsollError } from '@plimsoll/foundation';

/** Parses `--threads`. */
export function threadCount(text: string | undefined, usual: number): number {
  const count = text === undefined ? usual : Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= availableParallelism()) return count;
  throw new PlimsollError({
    code: 'bad-choice',
    message: `--threads cannot be "${text}"`,
    value: text ?? '',
    limit: `1 to ${availableParallelism()}, the processors here`,
    hint: 'use at most one thread per processor',
  });
}

/** Parses a list with commas; returns all names without a list, and refuses unknown names. */
export function chosen<Name extends string>(
  flag: string,
  text: string | undefined,
  known: readonly Name[],
): readonly Name[] {
  if (text === undefined) return known;
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word);
    if (found !== undefined) return found;
    throw new PlimsollError({
      code: 'bad-choice',
      message: `${flag} has no "${word}"`,
      value: word,
      limit: known.join(', '),
      hint: 'separate names by commas',
    });
  });
}
