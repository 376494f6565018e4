/**
 * `plimsoll chat`: a conversation. Each turn submits the whole conversation, rendered by the chat template; the prefix
 * cache holds the earlier turns.
 */
import { createInterface, type Interface } from 'node:readline';
import { monotonicClock, PlimsollError } from '@plimsoll/foundation';
import type { ChatMessage } from '@plimsoll/text/chat';
import { TemplateProcess } from '@plimsoll/text/process';
import { Command } from 'commander';
import { type Answer, answer } from '../answer.ts';
import {
  type Conversation,
  type ConversationOptions,
  firstTokens,
  openConversation,
} from '../conversation.ts';
import { engineModelWords } from '../engine-model.ts';
import { addEngineFlags, type EngineFlags, type StartedEngine, startEngine } from '../engine-start.ts';
import { Interruption } from '../interruption.ts';
import { printGenerated, printMessage, reportFailure } from '../output.ts';
import { memoryLine, speedLine } from '../render/answer-text.ts';
import { addSamplingFlags, overflowOf, type SamplingFlags, samplingOf } from '../sampling-flags.ts';
import { pipedLines } from '../standard-input.ts';

interface ChatFlags extends EngineFlags, SamplingFlags {
  readonly system?: string;
}

export function chatCommand(): Command {
  const command = new Command('chat')
    .description('Chat with a model inside a memory limit')
    .argument('<model>', engineModelWords);
  return addSamplingFlags(addEngineFlags(command))
    .option('--system <text>', 'the system message, which starts the conversation')
    .addHelpText(
      'after',
      `
With --overflow slide, a conversation continues when the context is full: the system message stays, the older half of
the other tokens is dropped, and the rest is computed again.

/reset starts a new conversation. /exit or the end of the input ends the program. /help prints the commands. Ctrl-C
stops an answer; a second Ctrl-C ends the program.

Example:
  plimsoll chat ./model.gguf --memory 4GiB --ctx 16k --kv-type q8_0`,
    )
    .action(chat);
}

async function chat(path: string, flags: ChatFlags): Promise<void> {
  const interruption = new Interruption();
  // The reader opens before the model, so that it keeps lines that arrive while the model loads.
  const reader = isTerminal()
    ? createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' })
    : null;
  const lines = reader?.[Symbol.asyncIterator]() ?? pipedLines();
  // A terminal in line-editing mode sends Ctrl-C as a key.
  reader?.on('SIGINT', () => interruption.interrupt());
  const templates = new TemplateProcess();
  // The process starts while the weights load.
  templates.start();
  try {
    const started = await startEngine(path, flags);
    try {
      const slides = flags.overflow === 'slide';
      // The time is fixed for the whole conversation: a template that writes the time would change the shared prefix.
      const options = { templates, now: new Date(), slides, interruption };
      const conversation = await conversationOf(started, options);
      if (isTerminal())
        printMessage(`${memoryLine(started.engine.ledger(), started.limit)}\n/help prints the commands`);
      const session = new ChatSession(started, conversation, flags);
      await session.talk(reader, lines, interruption);
    } finally {
      await started.engine.close();
    }
  } finally {
    reader?.close();
    interruption.close();
    templates.close();
  }
}

async function conversationOf(
  { engine }: StartedEngine,
  options: ConversationOptions,
): Promise<Conversation> {
  const conversation = await openConversation(engine, options);
  if (conversation !== null) return conversation;
  throw new PlimsollError({
    code: 'no-chat-template',
    message: `${engine.model.spec.id} has no chat template: it is a base model`,
    value: engine.model.spec.id,
    hint: `plimsoll run ${engine.model.path} "the beginning of a text"`,
  });
}

function isTerminal(): boolean {
  return process.stdin.isTTY === true;
}

/** A line that is a single word after a slash: a command, and never a message to the model. */
const commandPattern = /^\/[a-z]+$/i;

function commandsHelp(word: string): string {
  const known = word === '/help' ? '' : `there is no command ${word}; `;
  return `  ${known}/reset starts a new conversation, /exit ends the program, Ctrl-C stops an answer`;
}

class ChatSession {
  readonly #started: StartedEngine;
  readonly #conversation: Conversation;
  readonly #flags: ChatFlags;
  #messages: ChatMessage[] = [];

  constructor(started: StartedEngine, conversation: Conversation, flags: ChatFlags) {
    this.#started = started;
    this.#conversation = conversation;
    this.#flags = flags;
    this.#reset();
  }

  /** Reads and answers lines until /exit or the end of the input. */
  async talk(
    reader: Interface | null,
    lines: AsyncIterator<string>,
    interruption: Interruption,
  ): Promise<void> {
    while (true) {
      reader?.prompt();
      const { value: line, done } = await lines.next();
      const word = done === true ? '/exit' : line.trim();
      if (word === '/exit') return;
      if (word === '/reset') this.#reset();
      else if (commandPattern.test(word)) printMessage(commandsHelp(word));
      else if (word !== '') await this.#turn(line, interruption);
    }
  }

  #reset(): void {
    const { system } = this.#flags;
    this.#messages = system === undefined ? [] : [{ role: 'system', content: system }];
  }

  async #turn(line: string, interruption: Interruption): Promise<void> {
    this.#messages.push({ role: 'user', content: line });
    try {
      const answered = await interruption.during((signal) => this.#answer(signal));
      if (!answered.text.endsWith('\n')) printGenerated('\n');
      if (isTerminal()) printMessage(speedLine(answered));
      this.#messages.push({ role: 'assistant', content: answered.text });
    } catch (error) {
      // A user at a terminal can write another message; a script needs the exit code.
      if (!(error instanceof PlimsollError) || !isTerminal()) throw error;
      this.#messages.pop();
      reportFailure(error, false);
      if (error.code === 'context-overflow')
        printMessage(
          '  /reset starts a new conversation; plimsoll chat --overflow slide drops the oldest turns instead',
        );
    }
  }

  async #answer(signal: AbortSignal): Promise<Answer> {
    const { sampling, stop, maxTokens } = samplingOf(this.#flags);
    const prompt = await this.#conversation.encode(this.#messages, signal);
    const system = this.#messages.filter(({ role }) => role === 'system');
    const slides = this.#flags.overflow === 'slide';
    const keep = slides ? await firstTokens(this.#conversation, system, signal) : 0;
    const overflow = overflowOf(this.#flags, keep);
    return answer(
      this.#started.engine,
      { prompt, overflow, sampling, stop, signal, ...(maxTokens !== undefined && { maxTokens }) },
      { clock: monotonicClock, onText: printGenerated },
    );
  }
}
