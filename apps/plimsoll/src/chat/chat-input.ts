/**
 * The lines of a chat. On a terminal, a line that is typed while an answer streams waits for its turn: it is shown at once as
 * waiting, and again when its turn comes. Keys typed meanwhile are not echoed into the answer; they appear at the prompt.
 */
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { printMessage } from '../output.ts';
import { safeLine } from '../render/safe-text.ts';
import { paint } from '../render/styled-text.ts';
import { pipedLines } from '../standard-input.ts';

const prompt = '> ';
/** A paste during one answer may have many lines; beyond this the terminal's user is not answered any more. */
const waitingMax = 1000;

export interface ChatInput {
  /** The next line; null at the end of the input. */
  next(): Promise<string | null>;
  /** While an answer streams, typed lines wait. */
  readonly answering: { isOn: boolean };
  close(): void;
}

export function openChatInput({ onInterrupt }: { readonly onInterrupt: () => void }): ChatInput {
  return process.stdin.isTTY === true ? new TerminalInput(onInterrupt) : pipedInput();
}

function pipedInput(): ChatInput {
  const lines = pipedLines();
  return {
    answering: { isOn: false },
    async next() {
      const { value, done } = await lines.next();
      return done === true ? null : value;
    },
    close: () => undefined,
  };
}

class TerminalInput implements ChatInput {
  readonly answering = { isOn: false };
  readonly #reader: Interface;
  readonly #waiting: string[] = [];
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(onInterrupt: () => void) {
    const { answering } = this;
    // Without an echo during an answer, keys cannot break its lines.
    const output = new Writable({
      write(chunk: Buffer, _, done) {
        if (!answering.isOn) process.stderr.write(chunk);
        done();
      },
    });
    Object.defineProperty(output, 'columns', { get: () => process.stderr.columns ?? 80 });
    // The reader opens before the model, so that it keeps lines that arrive while the model loads.
    this.#reader = createInterface({ input: process.stdin, output, terminal: true, prompt });
    // In raw mode, Ctrl-C arrives as a key.
    this.#reader.on('SIGINT', onInterrupt);
    this.#reader.on('line', (line) => this.#add(line));
    this.#reader.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  async next(): Promise<string | null> {
    const waited = this.#waiting.shift();
    if (waited !== undefined) {
      process.stderr.write(`${prompt}${safeLine(waited)}\n`);
      return waited;
    }
    if (this.#isClosed) return null;
    // Keys that were typed during the answer are still in the line.
    this.#reader.prompt(true);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return this.#waiting.shift() ?? null;
  }

  close(): void {
    this.#reader.close();
  }

  #add(line: string): void {
    if (this.#waiting.length >= waitingMax) return;
    this.#waiting.push(line);
    if (this.answering.isOn && line.trim() !== '')
      printMessage(`\n${paint('dim', `[waits for this answer: ${safeLine(line)}]`)}`);
    this.#wake();
  }
}
