/**
 * Reads arguments as Python programs print them: `{'a': 1, 'b': 'x'}`, `Namespace(a=1)`, `config: a='x', b=None`. The
 * time is linear in the length of the text.
 */
import type { Argument } from './log-line.ts';

/** Longest value of an argument; engines print shorter values. */
const valueLengthMax = 4096;

/** Reads names and values from an offset on. Nested values become JSON if possible; None and False are left out. */
export function printedArguments(text: string, from: number): readonly Argument[] {
  const found: Argument[] = [];
  const key = /['"]?([A-Za-z_]\w{0,63})['"]?\s{0,2}[:=]\s{0,2}/y;
  let at = from;
  while (at < text.length) {
    key.lastIndex = at;
    const name = key.exec(text);
    if (name === null) {
      at++;
      continue;
    }
    const end = endOfValue(text, key.lastIndex);
    const value = plainValue(text.slice(key.lastIndex, end));
    if (value !== null) found.push([(name[1] ?? '').replaceAll('_', '-'), value]);
    at = Math.max(end, key.lastIndex) + 1;
  }
  return found;
}

/** Finds the end of a value: a comma or closing bracket outside quotes and brackets. */
function endOfValue(text: string, start: number): number {
  const limit = Math.min(text.length, start + valueLengthMax);
  let depth = 0;
  let quote = '';
  for (let at = start; at < limit; at++) {
    const character = text[at] ?? '';
    if (quote !== '') {
      if (character === '\\') at++;
      else if (character === quote) quote = '';
    } else if (character === "'" || character === '"') quote = character;
    else if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) {
      if (depth === 0) return at;
      depth--;
    } else if (character === ',' && depth === 0) return at;
  }
  return limit;
}

function plainValue(printed: string): string | null {
  const text = printed.trim();
  if (text === 'None' || text === 'False' || text === '') return null;
  if (text === 'True') return 'true';
  const quoted = /^(['"])([\s\S]*)\1$/.exec(text)?.[2];
  if (quoted !== undefined && !/^\[/.test(text)) return quoted;
  if (!/^[[{]/.test(text)) return text;
  return text
    .replaceAll("'", '"')
    .replaceAll(/\bTrue\b/g, 'true')
    .replaceAll(/\bFalse\b/g, 'false')
    .replaceAll(/\bNone\b/g, 'null');
}
