/**
 * The program's own colours, in text that may contain names from files. Marks enclose a style. The marks contain a
 * random UUID of this run, which no file can contain. On output, terminalText makes all other text harmless and then
 * turns the marks into escape sequences, so an escape sequence in a name is shown and has no effect.
 */
import { randomUUID } from 'node:crypto';
import { styleText } from 'node:util';
import { safeText } from './safe-text.ts';

export type Style = Parameters<typeof styleText>[0];

const mark = randomUUID();
const sample = '.';

/** Adds a style if stdout shows styles: styleText respects NO_COLOR, FORCE_COLOR and pipes. */
export function paint(style: Style, text: string): string {
  const [before = '', after = ''] = styleText(style, sample, { stream: process.stdout }).split(sample);
  return before === '' ? text : `${marked(before)}${text}${marked(after)}`;
}

/** Puts the `[1m` of every sequence between marks. */
function marked(sequences: string): string {
  return sequences.replaceAll('\u001b', `${mark}:`).replaceAll('m', `:${mark}`);
}

const markedSequence = new RegExp(`${mark}:(\\[[0-9;]*):${mark}`, 'g');

/** Text for a terminal: it has no control characters except those of the styles. */
export function terminalText(text: string): string {
  return safeText(text).replace(markedSequence, '\u001b$1m');
}

/** The same text for a pipe or a file, without styles. */
export function plainText(text: string): string {
  return safeText(text).replace(markedSequence, '');
}
