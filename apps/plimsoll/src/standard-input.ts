/** Reads standard input, up to a limit. */
import { once } from 'node:events';
import { inputLengthMax, inputTooLong } from './prompt-size.ts';

/**
 * Reads all of standard input as text, and throws code `prompt-too-long` beyond the limit. `asItIs` keeps every
 * character; else one final newline, which `echo` adds, is removed.
 */
export async function readPrompt({ asItIs }: { readonly asItIs: boolean }): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > inputLengthMax) throw inputTooLong('the prompt on standard input');
  }
  return asItIs ? text : text.replace(/\r?\n$/, '');
}

/** Yields the lines of a standard input that is not a terminal. */
export async function* pipedLines(): AsyncGenerator<string, undefined> {
  let rest = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    const lines = `${rest}${String(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > inputLengthMax) throw inputTooLong('a line on standard input');
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  if (rest !== '') yield rest;
}

/** Reads all of standard input as text: a pasted command. */
export async function readPastedText(): Promise<string> {
  return readPrompt({ asItIs: true });
}

/** Time in which an input must begin if no flag asks for it. */
const beginSecondsMax = 0.5;

/** Reads a piped text. Null for a terminal, for an empty input, and for an input that does not begin in time. */
export async function readPipedText(): Promise<string | null> {
  if (process.stdin.isTTY === true) return null;
  const signal = AbortSignal.timeout(1000 * beginSecondsMax);
  try {
    await once(process.stdin, 'readable', { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stdin.destroy();
    return null;
  }
  const text = await readPrompt({ asItIs: true });
  return text.trim() === '' ? null : text;
}
