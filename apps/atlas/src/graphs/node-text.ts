/** Estimates the room that the words of a box take, without a browser. */

/** Heights of letters, and the space inside a box on each side. In units of the picture. */
export interface NodeTextSizes {
  readonly label: number;
  readonly note: number;
  readonly padding: number;
}

export const lineHeight = 1.3;
/** Widths of letters differ; this is a generous mean for proportional fonts, so that text stays in its box. */
const letterWidth = 0.56;

/** Words of a box, broken into lines, and the height they need. */
export interface NodeText {
  readonly label: readonly string[];
  readonly note: readonly string[];
  readonly height: number;
}

export function nodeText(
  { label, note }: { readonly label: string; readonly note?: string | undefined },
  width: number,
  size: NodeTextSizes,
): NodeText {
  const room = width - 2 * size.padding;
  const labelLines = wrap(label, room / (size.label * letterWidth));
  const noteLines = note === undefined ? [] : wrap(note, room / (size.note * letterWidth));
  const text = (labelLines.length * size.label + noteLines.length * size.note) * lineHeight;
  return { label: labelLines, note: noteLines, height: Math.round(text + 2 * size.padding) };
}

/** Breaks words into lines of at most `letters` letters. A longer word has a line of its own. */
function wrap(text: string, letters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
