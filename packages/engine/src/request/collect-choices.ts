/** Joins streamed pieces to whole answers, one per choice. */
import { defined } from '@plimsoll/foundation';
import type { SampledLogprobs } from '../sampling/log-probabilities.ts';
import type { GenerationChoice, GenerationEnd, GenerationPiece } from './generation.ts';

export async function collectChoices(
  pieces: AsyncIterable<GenerationPiece>,
  count: number,
): Promise<readonly GenerationChoice[]> {
  const choices = Array.from({ length: count }, () => ({
    text: '',
    tokens: [] as number[],
    logprobs: [] as SampledLogprobs[],
    end: 'length' as GenerationEnd,
  }));
  const extras = new Map<number, Pick<GenerationChoice, 'speculation' | 'droppedTokens'>>();
  for await (const { choice: index, token, text, logprobs, end, speculation, droppedTokens } of pieces) {
    const choice = defined(choices[index], `there is no choice ${index}`);
    choice.text += text;
    if (token !== null) choice.tokens.push(token);
    if (logprobs !== undefined) choice.logprobs.push(logprobs);
    if (end !== null) choice.end = end;
    if (end === null) continue;
    extras.set(index, {
      ...(speculation !== undefined && { speculation }),
      ...(droppedTokens !== undefined && { droppedTokens }),
    });
  }
  return choices.map((choice, index) => ({ ...choice, ...extras.get(index) }));
}
