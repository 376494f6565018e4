/** A draft speaks in the model's token ids, so both must mean the same by every id. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Tokenizer } from './tokenizer.ts';

/** The larger of two sizes of one family pads its vocabulary by up to this much; llama.cpp draws the line here too. */
const paddingTokensMax = 128;

interface Named {
  readonly name: string;
  readonly tokenizer: Tokenizer;
}

/** Refuses a draft whose vocabulary is another one, naming the first token that differs. */
export function checkSameVocabulary(model: Named, draft: Named): void {
  const sizes = [model.tokenizer.vocabSize, draft.tokenizer.vocabSize] as const;
  for (let id = 0; id < Math.min(...sizes); id++) {
    const [expected, found] = [model.tokenizer.tokenText(id), draft.tokenizer.tokenText(id)];
    if (expected === found) continue;
    throw refusal(
      `token ${id} is ${JSON.stringify(expected)} in ${model.name} and ${JSON.stringify(found)} in the draft ${draft.name}`,
      found,
    );
  }
  if (Math.abs(sizes[0] - sizes[1]) <= paddingTokensMax) return;
  throw refusal(
    `${model.name} has ${sizes[0]} tokens and the draft ${draft.name} ${sizes[1]}: they differ from token ${Math.min(...sizes)} on`,
    sizes[1],
  );
}

function refusal(message: string, value: string | number): PlimsollError {
  return new PlimsollError({
    code: 'draft-vocabulary',
    message,
    value,
    limit: `the same tokens, and at most ${paddingTokensMax} of padding`,
    hint: 'take a smaller model of the same family as draft',
  });
}
