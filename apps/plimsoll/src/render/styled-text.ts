/**
 * Colours of the program's own, in text that may hold names out of files. A style is written between marks that begin with
 * a number drawn when the program starts, which no file can hold; the output edge makes everything else harmless and then
 * turns the marks into escape sequences. So a name that contains an escape sequence is shown and not obeyed.
 */
import { randomUUID } from 'node:crypto';
import { styleText } from 'node:util';
import { safeText } from './safe-text.ts';

export type Style = Parameters<typeof styleText>[0];

const mark = randomUUID();
const sample = '.';

/** Styles apply only where stdout shows them: styleText honours NO_COLOR, FORCE_COLOR and pipes. */
export function paint(style: Style, text: string): string {
  const [before = '', after = ''] = styleText(style, sample, { stream: process.stdout }).split(sample);
  return before === '' ? text : `${marked(before)}${text}${marked(after)}`;
}

/** `[1m` of every sequence, between marks. */
function marked(sequences: string): string {
  return sequences.replaceAll('\u001b', `${mark}:`).replaceAll('m', `:${mark}`);
}

const markedSequence = new RegExp(`${mark}:(\\[[0-9;]*):${mark}`, 'g');

/** What a terminal may be given: no control characters but those of the styles. */
export function terminalText(text: string): string {
  return safeText(text).replace(markedSequence, '\u001b$1m');
}
