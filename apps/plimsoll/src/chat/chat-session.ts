/** A conversation with its settings: answers messages and carries out slash commands. */
import { formatCount, monotonicClock, PlimsollError } from '@plimsoll/foundation';
import type { ChatMessage } from '@plimsoll/text/chat';
import { type Answer, answer } from '../answer.ts';
import { type Conversation, firstTokens } from '../conversation.ts';
import type { StartedEngine } from '../engine-start.ts';
import type { Interruption } from '../interruption.ts';
import { printGenerated, printMessage, reportFailure } from '../output.ts';
import { memoryLine, speedLine } from '../render/answer-text.ts';
import { renderLedgerBar } from '../render/ledger-bar.ts';
import { overflowOf, type SamplingFlags, samplingOf } from '../sampling-flags.ts';
import { type ChatCommandName, chatCommandsHelp, readChatLine } from './chat-commands.ts';
import type { ChatInput } from './chat-input.ts';
import { changedSettings, settingsText } from './chat-settings.ts';
import { loadConversation, saveConversation } from './saved-conversation.ts';

export interface ChatStart {
  readonly started: StartedEngine;
  readonly conversation: Conversation;
  readonly flags: SamplingFlags & { readonly system?: string };
  readonly interruption: Interruption;
  readonly input: ChatInput;
  /** True: errors leave the chat open, because a user can type another line. A script needs the exit code. */
  readonly isTerminal: boolean;
}

export class ChatSession {
  readonly #start: ChatStart;
  #flags: SamplingFlags;
  #system: string | null;
  #messages: ChatMessage[] = [];
  #last: Answer | null = null;
  #savedPath: string | null = null;

  constructor(start: ChatStart) {
    this.#start = start;
    this.#flags = start.flags;
    this.#system = start.flags.system ?? null;
    this.#clear();
  }

  /** Reads and answers lines until /exit or the end of the input. */
  async talk(): Promise<void> {
    while (true) {
      const line = await this.#start.input.next();
      if (line === null) return;
      const read = readChatLine(line);
      if (read.kind === 'empty') continue;
      if (read.kind === 'command' && read.name === 'exit') return;
      try {
        if (read.kind === 'message') await this.#say(read.text);
        else if (read.kind === 'command') await this.#obey(read.name, read.argument);
        else printMessage(`  there is no command ${read.word}\n${chatCommandsHelp()}`);
      } catch (error) {
        if (!(error instanceof PlimsollError) || !this.#start.isTerminal) throw error;
        reportFailure(error, false, '/help');
      }
    }
  }

  async #obey(name: ChatCommandName, argument: string): Promise<void> {
    switch (name) {
      case 'help':
        return printMessage(chatCommandsHelp());
      case 'clear':
        return this.#clear();
      case 'system':
        return this.#changeSystem(argument);
      case 'set':
        if (argument !== '') this.#flags = changedSettings(this.#flags, argument);
        return printMessage(`  ${settingsText(this.#flags)}`);
      case 'retry':
        return this.#retry();
      case 'stats':
        return this.#printStats();
      case 'save':
        saveConversation(argument, this.#messages, { mayReplace: argument === this.#savedPath });
        this.#savedPath = argument;
        return printMessage(`  ${formatCount(this.#messages.length)} messages in ${argument}`);
      case 'load':
        return this.#load(argument);
      case 'exit':
        return;
      default:
        name satisfies never;
    }
  }

  #clear(): void {
    this.#messages = this.#system === null ? [] : [{ role: 'system', content: this.#system }];
  }

  /** The system message is the first message, also of the conversation so far. */
  #changeSystem(text: string): void {
    if (text !== '') {
      this.#system = text === '-' ? null : text;
      const others = this.#messages.filter(({ role }) => role !== 'system');
      this.#clear();
      this.#messages.push(...others);
    }
    printMessage(this.#system === null ? '  no system message' : `  system: ${this.#system}`);
  }

  async #retry(): Promise<void> {
    const asked = this.#messages.findLastIndex(({ role }) => role === 'user');
    const message = this.#messages[asked];
    if (message === undefined) {
      throw new PlimsollError({
        code: 'nothing-to-retry',
        message: 'there is no message to answer again',
        hint: 'type a message first',
      });
    }
    const before = this.#messages;
    this.#messages = before.slice(0, asked);
    try {
      await this.#say(typeof message.content === 'string' ? message.content : '');
    } catch (error) {
      this.#messages = before;
      throw error;
    }
  }

  #printStats(): void {
    const { engine, limit } = this.#start.started;
    const ledger = engine.ledger();
    const last = this.#last;
    const used = last === null ? 0 : last.promptTokens + last.outputTokens.length;
    const lines = [
      ...(last === null ? [] : [speedLine(last)]),
      `context ${formatCount(used)} of ${formatCount(engine.contextMax)} tokens, ${formatCount(this.#messages.length)} messages`,
      renderLedgerBar(ledger, limit.bytes),
      memoryLine(ledger, limit),
    ];
    printMessage(lines.join('\n'));
  }

  async #load(path: string): Promise<void> {
    this.#messages = await loadConversation(path);
    const [first] = this.#messages;
    this.#system = first?.role === 'system' && typeof first.content === 'string' ? first.content : null;
    this.#savedPath = path;
    printMessage(`  ${formatCount(this.#messages.length)} messages from ${path}`);
  }

  async #say(text: string): Promise<void> {
    const { input, interruption, isTerminal } = this.#start;
    const messages: readonly ChatMessage[] = [...this.#messages, { role: 'user', content: text }];
    input.answering.isOn = true;
    try {
      const answered = await interruption.during((signal) => this.#answer(messages, signal));
      if (!answered.text.endsWith('\n')) printGenerated('\n');
      if (isTerminal) printMessage(speedLine(answered));
      this.#last = answered;
      this.#messages = [...messages, { role: 'assistant', content: answered.text }];
    } catch (error) {
      if (!isTerminal || !(error instanceof PlimsollError) || error.code !== 'context-overflow') throw error;
      const hint =
        '/clear starts a new conversation; plimsoll chat --overflow slide drops the oldest turns instead';
      throw new PlimsollError({ ...error.toJSON(), hint }, { cause: error });
    } finally {
      input.answering.isOn = false;
    }
  }

  async #answer(messages: readonly ChatMessage[], signal: AbortSignal): Promise<Answer> {
    const { conversation, started } = this.#start;
    const { sampling, stop, maxTokens } = samplingOf(this.#flags);
    const prompt = await conversation.encode(messages, signal);
    const system = messages.filter(({ role }) => role === 'system');
    const slides = this.#flags.overflow === 'slide';
    const keep = slides ? await firstTokens(conversation, system, signal) : 0;
    const overflow = overflowOf(this.#flags, keep);
    return answer(
      started.engine,
      { prompt, overflow, sampling, stop, signal, ...(maxTokens !== undefined && { maxTokens }) },
      { clock: monotonicClock, onText: printGenerated },
    );
  }
}
