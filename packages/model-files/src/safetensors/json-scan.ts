/**
 * What JSON.parse does not tell: how deep a text is nested, before it is parsed, and how many keys its outermost object
 * has, doubles included. It knows strings, escapes and brackets and leaves every other judgement to JSON.parse.
 */
export interface JsonScan {
  /** Brackets open at once. */
  readonly depth: number;
  /** Colons directly inside the outermost object. */
  readonly topKeys: number;
}

export function scanJson(text: string): JsonScan {
  let open = 0;
  let depth = 0;
  let topKeys = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text[index]) {
      case '"':
        index = endOfString(text, index);
        break;
      case '{':
      case '[':
        open++;
        depth = Math.max(depth, open);
        break;
      case '}':
      case ']':
        open--;
        break;
      case ':':
        if (open === 1) topKeys++;
        break;
    }
  }
  return { depth, topKeys };
}

/** Index of the closing quote of the string that opens at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index;
}
