/** How conversations become text: the target's own chat template, and what opens and ends an answer in it. */
import type { Tokenizer } from '@plimsoll/text';
import type { ChatInput, RenderedChat } from '@plimsoll/text/chat';
import type { AnswerForm } from './answer-spans.ts';

export interface ChatRenderer {
  /** Name of the template, for the tasks of a run. */
  readonly name: string;
  render(input: ChatInput): Promise<RenderedChat>;
}

/**
 * Learns the form of answers from the template itself: the header is the text that a generation prompt adds. It is empty
 * for templates whose answers directly follow a question.
 */
export async function answerFormOf(renderer: ChatRenderer, tokenizer: Tokenizer): Promise<AnswerForm> {
  const messages = [{ role: 'user', content: 'question' }];
  const { text: closed } = await renderer.render({ messages, addGenerationPrompt: false });
  const { text: open } = await renderer.render({ messages, addGenerationPrompt: true });
  const header = open.startsWith(closed) ? open.slice(closed.length) : '';
  const endTexts = [...tokenizer.specialTokens.endOfGeneration].map((id) => tokenizer.tokenText(id));
  return { header, endTexts: endTexts.filter((text) => text !== '') };
}
