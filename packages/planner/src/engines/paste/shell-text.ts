/**
 * Parses a pasted text like a shell: words, quotes, line continuations, variables, several commands. The parser accepts
 * the usual damage of a paste, which a shell does not: white space after a continuation, Windows continuations,
 * typographic dashes and quotes, JSON without quotes around it. It executes nothing.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** Longest JSON word: engines read longer JSON from files. The limit keeps the search for its end linear. */
const jsonLengthMax = 2048;

/** One command: its assignments and its words. */
export interface ShellCommand {
  readonly assignments: ReadonlyMap<string, string>;
  readonly words: readonly string[];
}

/** Longest text: the start script of a large deployment has a few thousand characters. */
export const commandLengthMax = 65_536;

/**
 * Parses the commands of a text, with the assignments before each. Throws `command-too-long`, or `bad-command` for an
 * open quote.
 */
export function shellCommands(text: string): readonly ShellCommand[] {
  if (text.length > commandLengthMax) {
    throw new PlimsollError({
      code: 'command-too-long',
      message: `a text of ${text.length} characters is no command`,
      value: text.length,
      limit: commandLengthMax,
      hint: 'paste the command that starts the engine',
    });
  }
  const exported = new Map<string, string>();
  const variables = new Map<string, string>();
  const commands: ShellCommand[] = [];
  for (const words of new ShellReader(joinedLines(text), variables)) {
    const command = commandOf(words);
    if (command.words.length > 0) {
      commands.push({ ...command, assignments: new Map([...exported, ...command.assignments]) });
      continue;
    }
    // A plain assignment is a variable of the script; programs get the exported ones.
    const isExported = /^(?:export$|set$|\$env:)/.test(words[0] ?? '');
    for (const [name, value] of command.assignments) {
      variables.set(name, value);
      if (isExported) exported.set(name, value);
    }
  }
  return commands;
}

/** Separates the leading assignments from words that a shell has already split. */
export function commandOf(given: readonly string[]): ShellCommand {
  const assignments = new Map<string, string>();
  let index = 0;
  for (; index < given.length; index++) {
    const word = given[index] ?? '';
    const [, name, value] = /^(?:\$env:)?([A-Za-z_]\w*)=(?!=)(.*)$/s.exec(word) ?? [];
    if (name !== undefined && value !== undefined) assignments.set(name, value);
    // Skips the commands that set variables, and the prompt of a terminal.
    else if (!['export', 'set', 'env', '$', '>', '%', '#'].includes(word)) break;
  }
  return { assignments, words: given.slice(index) };
}

/** `(venv) PS C:\\folder> ` and `C:\\folder>`. */
const windowsPrompt = /^(?:\([\w.-]{1,40}\) )?(?:PS )?[A-Za-z]:\\[^>"\n]{0,200}>/gm;

/** A line of a command that is commented out with the backslash at its end; without the line, the command goes on. */
const commentedLine = /^[ \t]*#[^\n]*[\\^`][ \t]{0,16}\n/gm;

/** Joins the lines of a command: shells continue a line after a backslash, Windows after ^ and a backtick. */
function joinedLines(text: string): string {
  return text
    .replaceAll('\r', '')
    .replaceAll(/^[ \t]*```.*$/gm, '')
    .replaceAll(windowsPrompt, '')
    .replaceAll(/^\s*`|`\s*$/g, '')
    .replaceAll(commentedLine, '')
    .replaceAll(/(?<![\\^`])[\\^`][ \t]{0,16}\n/g, ' ')
    .replaceAll(/[“”]/g, '"')
    .replaceAll(/[‘’]/g, "'")
    .replaceAll(/(^|\s)[—–](?=[a-z])/g, '$1--');
}

/** Yields the words of each command in order. */
class ShellReader implements Iterable<readonly string[]> {
  readonly #text: string;
  readonly #variables: ReadonlyMap<string, string>;
  #at = 0;

  constructor(text: string, variables: ReadonlyMap<string, string>) {
    this.#text = text;
    this.#variables = variables;
  }

  *[Symbol.iterator](): Iterator<readonly string[]> {
    while (this.#at < this.#text.length) {
      const words = this.#command();
      if (words.length > 0) yield words;
    }
  }

  #command(): readonly string[] {
    const words: string[] = [];
    for (;;) {
      this.#skip(/[ \t]*/y);
      if (this.#at >= this.#text.length || this.#skip(/[;\n|]+|&&|&(?!>)/y) !== '') return words;
      if (this.#skip(/#[^\n]*/y) !== '') continue;
      if (words.length > 0 && this.#skip(/(?:\d|&)?>>?(?:&\d)?|<<|<(?=[ \t])/y) !== '') {
        this.#skip(/[ \t]*[^\s;|&]*/y);
        continue;
      }
      words.push(...(this.#splitVariable() ?? [this.#jsonWord() ?? this.#word()]));
    }
  }

  /** Reads a variable without quotes: a shell splits its value at white space. Returns null for any other word. */
  #splitVariable(): readonly string[] | null {
    const [found, name] = /^\$\{?(\w+)\}?(?=[\s;|&]|$)/.exec(this.#text.slice(this.#at, this.#at + 80)) ?? [];
    const value = name === undefined ? undefined : this.#variables.get(name);
    if (found === undefined || value === undefined || !/\s/.test(value.trim())) return null;
    this.#at += found.length;
    return value.trim().split(/\s+/);
  }

  /** Consumes the match of a pattern at this place and returns it; empty if there is none. */
  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  /** Reads JSON as in files that no shell reads; a shell would remove its quotes. */
  #jsonWord(): string | null {
    if (this.#text[this.#at] !== '{' && this.#text[this.#at] !== '[') return null;
    const line = this.#text.slice(this.#at, this.#at + jsonLengthMax);
    let depth = 0;
    for (let length = 0; length < line.length && line[length] !== '\n'; length++) {
      if ('{['.includes(line[length] ?? '')) depth++;
      if ('}]'.includes(line[length] ?? '') && --depth === 0) {
        const candidate = line.slice(0, length + 1);
        if (!isJson(candidate)) return null;
        this.#at += candidate.length;
        return candidate;
      }
    }
    return null;
  }

  #word(): string {
    let word = '';
    for (;;) {
      const plain = this.#skip(/[^\s'"\\$;|&<>{[]+/y);
      word += plain;
      const next = this.#text[this.#at];
      if (next === "'") word += this.#quoted(/'([^']*)'/y);
      else if (next === '"') word += this.#doubleQuoted();
      else if (next === '$') word += this.#variable();
      // A backslash before a letter separates folders of a Windows path; before another character it escapes.
      else if (next === '\\') word += this.#skip(/\\(?=[\w.])/y) || this.#skip(/\\[\s\S]?/y).slice(1);
      else if (next === '{' || next === '[')
        word += (plain.endsWith('=') ? this.#jsonWord() : null) ?? this.#skip(/[{[]/y);
      // A placeholder such as <key>, and the prompt of a terminal.
      else if (next === '<' || (next === '>' && plain === '')) word += this.#skip(/<[^<>\s]*>|[<>]/y);
      else return word;
    }
  }

  #quoted(pattern: RegExp): string {
    const found = this.#skip(pattern);
    if (found !== '') return found.slice(1, -1);
    throw new PlimsollError({
      code: 'bad-command',
      message: `a quote is not closed in ${this.#text.slice(this.#at, this.#at + 40)}`,
      value: this.#at,
      hint: 'paste the whole command',
    });
  }

  #doubleQuoted(): string {
    const inside = this.#quoted(/"(?:[^"\\]|\\[\s\S])*"/y);
    const expanded = inside.replaceAll(/(?<!\\)\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, plain) => {
      return this.#variables.get(String(braced ?? plain)) ?? whole;
    });
    return expanded.replaceAll(/\\(["\\$`])/g, '$1');
  }

  /** Expands a variable that the text has assigned, or to its default; otherwise keeps its text. */
  #variable(): string {
    const found = this.#skip(/\$\{\w+(?::?-[^}]*)?\}|\$(?:env:)?\w*/y);
    const [, name = '', usual] = /^\$(?:env:)?\{?(\w*)(?::?-([^}]*))?\}?$/.exec(found) ?? [];
    // PowerShell assigns to `$env:NAME`.
    if (found.startsWith('$env:') && this.#text[this.#at] === '=') return name;
    return this.#variables.get(name) ?? usual ?? found;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
