/**
 * `plimsoll chat`: a conversation. Each turn submits the whole conversation, rendered by the chat template; the prefix
 * cache holds the earlier turns.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { TemplateProcess } from '@plimsoll/text/process';
import { Command } from 'commander';
import { chatCommandsHelp } from '../chat/chat-commands.ts';
import { openChatInput } from '../chat/chat-input.ts';
import { ChatSession } from '../chat/chat-session.ts';
import { type Conversation, type ConversationOptions, openConversation } from '../conversation.ts';
import { engineModelWords } from '../engine-model.ts';
import { addEngineFlags, type EngineFlags, type StartedEngine, startEngine } from '../engine-start.ts';
import { Interruption } from '../interruption.ts';
import { printMessage } from '../output.ts';
import { memoryLine } from '../render/answer-text.ts';
import { addSamplingFlags, type SamplingFlags } from '../sampling-flags.ts';

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

A line that is typed while an answer streams waits for its turn. The end of the input ends the program. Commands:
${chatCommandsHelp()}

Examples:
  plimsoll chat ./model.gguf --memory 4GiB --ctx 16k --kv-type q8_0
  plimsoll chat hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q8_0 --system "Be brief."`,
    )
    .action(chat);
}

async function chat(model: string, flags: ChatFlags): Promise<void> {
  const interruption = new Interruption();
  // The input opens before the model, so that it keeps lines that arrive while the model loads.
  const input = openChatInput({ onInterrupt: () => interruption.interrupt() });
  const isTerminal = process.stdin.isTTY === true;
  const templates = new TemplateProcess();
  // The process starts while the weights load.
  templates.start();
  try {
    const started = await startEngine(model, flags);
    try {
      const slides = flags.overflow === 'slide';
      // The time is fixed for the whole conversation: a template that writes the time would change the shared prefix.
      const options = { templates, now: new Date(), slides, interruption };
      const conversation = await conversationOf(started, options);
      if (isTerminal)
        printMessage(`${memoryLine(started.engine.ledger(), started.limit)}\n/help prints the commands`);
      await new ChatSession({ started, conversation, flags, interruption, input, isTerminal }).talk();
    } finally {
      await started.engine.close();
    }
  } finally {
    input.close();
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
