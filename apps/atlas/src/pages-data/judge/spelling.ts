/** Finds the words of a page that a dictionary does not know. The caller chooses the dictionary. */
import { allNodes, type Inline, parseInline } from '../read/inline-text.ts';

export interface UnknownWord {
  /** Place in the messages: `summary[0]`. */
  readonly key: string;
  readonly word: string;
}

/** Each unknown word of each text, once. Code, computed numbers and words with digits are names, not spelling. */
export function unknownWords(
  texts: readonly { readonly key: string; readonly text: string }[],
  isKnown: (word: string) => boolean,
): readonly UnknownWord[] {
  return texts.flatMap(({ key, text }) => {
    // A placeholder such as {users} is a name, and no dictionary knows it.
    const words = text.replaceAll(/\{\w+\}/g, ' ');
    const spelled = allNodes(parseInline(words).nodes).flatMap(textOf).flatMap(spelledWords);
    return [...new Set(spelled)].filter((word) => !isKnown(word)).map((word) => ({ key, word }));
  });
}

function textOf(node: Inline): readonly string[] {
  return node.kind === 'text' ? [node.text] : [];
}

/** Runs of letters without a possessive ending. Runs that touch a digit are left out. */
function spelledWords(text: string): readonly string[] {
  const words = text.match(/[\p{Lu}\p{Ll}\p{N}]+(?:['’][\p{Lu}\p{Ll}]+)*/gu) ?? [];
  return words
    .map((word) => word.replaceAll('’', "'").replace(/'s$/, ''))
    .filter((word) => word.length > 1 && !/\p{N}/u.test(word));
}
