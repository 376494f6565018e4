/** The entry for chats: messages, templates and the tokens of a rendered chat. */
export type { ChatMessage } from './chat/chat-message.ts';
export { type ChatInput, ChatTemplate, encodeChat, type RenderedChat } from './chat/chat-template.ts';
export {
  chatTemplatesFromConfig,
  chatTemplatesFromGguf,
  chooseTemplate,
  templateTokens,
} from './chat/template-source.ts';
