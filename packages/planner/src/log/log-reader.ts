/**
 * Reads an engine's log of any length, piece by piece: the time is linear in the length, the memory is constant. The
 * reader searches blocks of whole lines for the fixed words of all engines; the code in the engine's folder reads the
 * lines that have them (contract/log-line.ts). Colors, time stamps and prefixes of ranks or containers precede the
 * words and are skipped.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { LogFact, LogLine } from '../engines/contract/log-line.ts';
import { figureOf } from '../engines/contract/start-log.ts';
import { commandOfContainerFile } from '../engines/paste/container-file.ts';
import type { PastedEngine } from '../engines/paste/pasted-engines.ts';
import { type CommandEngine, readCommand } from '../engines/paste/read-command.ts';
import { lastMatch } from '../log-scan.ts';
import { EngineLog } from './engine-log.ts';

/** Characters in one search, and the longest line that is read whole. */
const blockLength = 262_144;
const lineLengthMax = 32_768;

export interface LogReading {
  /** The engines whose lines were found, the best understood engine first. */
  readonly engines: readonly EngineLog[];
  /** Names of devices in lines of drivers and tools, in order. */
  readonly deviceNames: readonly string[];
  readonly lines: number;
  readonly characters: number;
}

interface SearchedLine extends LogLine {
  readonly log: EngineLog;
}

interface FoundLine {
  readonly at: number;
  readonly text: string;
}

export class LogReader {
  readonly #logs: readonly EngineLog[];
  readonly #searched: readonly SearchedLine[];
  readonly #words: RegExp;
  readonly #engines: readonly CommandEngine[];
  readonly #programs: readonly string[];
  #commands = 0;
  readonly #deviceNames = new Set<string>();
  #pending = '';
  #lines = 0;
  #characters = 0;

  constructor(engines: readonly CommandEngine[]) {
    const faces = engines.map(({ face }) => face);
    this.#engines = engines;
    this.#programs = faces.flatMap(commandWords);
    this.#logs = faces.map(({ name }) => new EngineLog(name));
    this.#searched = faces.flatMap((face, index) => {
      const log = this.#logs[index];
      return log === undefined ? [] : linesOf(face).map((line): SearchedLine => ({ ...line, log }));
    });
    this.#words = anyOf([...this.#searched.map(({ words }) => words), ...deviceWords, ...this.#programs]);
  }

  push(text: string): void {
    this.#characters += text.length;
    this.#pending += text;
    while (this.#pending.length >= blockLength) {
      const end = this.#pending.lastIndexOf('\n', blockLength) + 1;
      // Binary data has no lines, so it is cut anywhere.
      const length = end === 0 ? blockLength : end;
      this.#readBlock(this.#pending.slice(0, length));
      this.#pending = this.#pending.slice(length);
    }
  }

  end(): LogReading {
    this.#readBlock(this.#pending);
    this.#pending = '';
    const engines = this.#logs.filter((log) => log.isMarked).sort((a, b) => b.understood - a.understood);
    return { engines, deviceNames: [...this.#deviceNames], lines: this.#lines, characters: this.#characters };
  }

  #readBlock(given: string): void {
    const block = given.includes(escapeCharacter) ? given.replaceAll(colors, '') : given;
    let counted = 0;
    for (const { at, text } of linesWith(block, this.#words)) {
      this.#lines += newlines(block, counted, at);
      counted = at;
      this.#readLine(text);
      this.#readCommand(block, at, text);
    }
    this.#lines += newlines(block, counted, block.length);
  }

  #readLine(text: string): void {
    for (const line of this.#searched) {
      const at = text.indexOf(line.words);
      if (at === -1) continue;
      if (line.isMark) line.log.mark();
      const fact = line.read(text, at);
      if (fact !== null) line.log.add(fact, this.#lines + 1);
    }
    for (const words of deviceWords) {
      const at = text.indexOf(words);
      const name = at === -1 ? undefined : /^[\w.+-]+(?: [\w.+-]+){0,8}/.exec(text.slice(at, at + 80))?.[0];
      if (name !== undefined && this.#deviceNames.size < deviceNamesMax) this.#deviceNames.add(name);
    }
  }

  /** Reads the command that a shell or a container printed before the engine started, on one line or several. */
  #readCommand(block: string, at: number, text: string): void {
    const words = this.#programs.find((program) => text.includes(program));
    if (words === undefined || this.#commands >= commandsMax) return;
    this.#commands++;
    const whole = continuedLines(block, at, text);
    const alone = text.slice(text.indexOf(words)).trim();
    const file = /\bimage:/.test(text) ? commandOfContainerFile(block.slice(at, at + fileLengthMax)) : null;
    for (const command of [file, whole === text ? null : whole, alone]) {
      if (command === null) continue;
      try {
        const reading = readCommand(command, this.#engines);
        const log = this.#logs.find(({ engine }) => engine === reading.engine);
        // The lines of some engines have words of several engines: the command says whose they are.
        if (reading.model !== null) log?.mark();
        log?.addCommand(reading);
        return;
      } catch (error) {
        // A sentence about a command is no command.
        if (!(error instanceof PlimsollError)) throw error;
      }
    }
  }
}

/** Most commands that are read: a log shows the command of a start, and a chat about it may show many. */
const commandsMax = 32;

/** The beginnings of commands that start an engine, and its images with the colon of their tag. */
function commandWords({ commandForm }: PastedEngine): readonly string[] {
  return [commandForm, ...(commandForm.variants ?? [])].flatMap(({ programs, modules, images }) => [
    ...programs.map((words) => `${words.join(' ')} `),
    ...modules.map((module) => `-m ${module} `),
    ...images.map((image) => `${image}:`),
  ]);
}

/** Most characters of a compose or Kubernetes file below the image of its engine. */
const fileLengthMax = 8192;

/** Most lines of one command, so that the time stays linear. */
const commandLinesMax = 64;

/** Joins a line to those before and after it that a backslash at the end continues; returns the line if there are none. */
function continuedLines(block: string, at: number, line: string): string {
  let [start, end] = [at, at + line.length];
  for (
    let count = 0;
    count < commandLinesMax && start >= 2 && /\\\r?\n$/.test(block.slice(start - 3, start));
    count++
  )
    start = block.lastIndexOf('\n', start - 2) + 1;
  for (let count = 0; count < commandLinesMax && /\\\s*$/.test(block.slice(end - 4, end)); count++) {
    const newline = block.indexOf('\n', end + 1);
    end = newline === -1 ? block.length : newline;
    if (end - start > lineLengthMax) return line;
  }
  return start === at && end === at + line.length ? line : block.slice(start, end);
}

/** Vendors and brands that drivers print before the name of a device. */
const deviceWords: readonly string[] = ['NVIDIA ', 'AMD Instinct ', 'AMD Radeon ', 'Tesla ', 'Apple M'];
const deviceNamesMax = 64;

const escapeCharacter = String.fromCharCode(27);
/** Codes that color the text of a terminal or move its cursor. */
const colors = new RegExp(`${escapeCharacter}\\[[\\d;?]{0,16}[A-Za-z]`, 'g');

/** Returns the engine's log lines, and the lines of its start-up figures. */
function linesOf(face: PastedEngine): readonly LogLine[] {
  const figures = (face.startLog ?? []).flatMap(
    ({ figure, unit, forms, startsWithContext, planned, counts }) =>
      forms.map((form): LogLine => {
        return {
          words: form.split('#')[0] ?? '',
          isMark: true,
          read: (line): LogFact | null => {
            const values = lastMatch(line, form)?.values ?? [];
            const printed = figureOf(values, counts);
            if (printed === null) return null;
            const counted = startsWithContext === true ? values[0] : undefined;
            return {
              figures: [
                { figure, unit, printed, planned, ...(counted !== undefined && { contextTokens: counted }) },
              ],
            };
          },
        };
      }),
  );
  return [...face.logLines, ...uniqueWords(figures)];
}

/** Groups forms that start with the same words, and tries them one after another on a line. */
function uniqueWords(lines: readonly LogLine[]): readonly LogLine[] {
  const byWords = Map.groupBy(lines, ({ words }) => words);
  return [...byWords.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const read: LogLine['read'] = (line, at) => {
      for (const candidate of group) {
        const fact = candidate.read(line, at);
        if (fact !== null) return fact;
      }
      return null;
    };
    return [{ ...first, read }];
  });
}

/** Yields the lines of a block that contain any of the words; scans each character once. */
function* linesWith(block: string, words: RegExp): Generator<FoundLine> {
  let searched = 0;
  words.lastIndex = 0;
  for (let match = words.exec(block); match !== null; match = words.exec(block)) {
    const at = match.index;
    const before = block.slice(Math.max(searched, at - lineLengthMax), at);
    const start = at - (before.length - (before.lastIndexOf('\n') + 1));
    const newline = block.indexOf('\n', at);
    const end = Math.min(newline === -1 ? block.length : newline, at + lineLengthMax);
    yield { at: start, text: block.slice(start, end) };
    searched = Math.max(end, at + match[0].length);
    words.lastIndex = searched;
  }
}

/** Builds one expression for all fixed words: its alternatives are plain texts, so it never backtracks. */
function anyOf(words: readonly string[]): RegExp {
  const texts = [...new Set(words)].map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(texts.length === 0 ? '(?!)' : texts.join('|'), 'g');
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
