/** Conversations in files: JSON with `messages`, as OpenAI's chat API takes them. */
import { existsSync, writeFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import { readJsonFile } from '@plimsoll/model-files/files';
import type { ChatMessage } from '@plimsoll/text/chat';

const roles: ReadonlySet<unknown> = new Set(['system', 'user', 'assistant']);

/** Writes a new file. A file that exists may be something else, so only `mayReplace` overwrites it. */
export function saveConversation(
  path: string,
  messages: readonly ChatMessage[],
  { mayReplace }: { readonly mayReplace: boolean },
): void {
  if (path === '') throw missingFile('/save chat.json');
  if (existsSync(path) && !mayReplace) {
    throw new PlimsollError({
      code: 'file-exists',
      message: `${path} exists and is not overwritten`,
      value: path,
      hint: 'name another file',
    });
  }
  try {
    writeFileSync(path, `${JSON.stringify({ messages }, null, 2)}\n`);
  } catch (error) {
    throw new PlimsollError(
      {
        code: 'file-not-written',
        message: `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
        value: path,
        hint: 'name a file in a folder that exists',
      },
      { cause: error },
    );
  }
}

export async function loadConversation(path: string): Promise<ChatMessage[]> {
  if (path === '') throw missingFile('/load chat.json');
  const content = await readJsonFile(path);
  const { messages } = Object(content) as { readonly messages?: unknown };
  if (!Array.isArray(messages)) throw badConversation(path, content);
  return messages.map((message: unknown): ChatMessage => {
    const { role, content: text } = Object(message) as Readonly<Record<string, unknown>>;
    if (typeof role !== 'string' || !roles.has(role) || typeof text !== 'string')
      throw badConversation(path, message);
    return { role, content: text };
  });
}

function missingFile(hint: string): PlimsollError {
  return new PlimsollError({ code: 'missing-file', message: 'no file was named', hint });
}

function badConversation(path: string, seen: unknown): PlimsollError {
  return new PlimsollError({
    code: 'bad-conversation',
    message: `${path} is no saved conversation: it has ${jsonPreview(seen)}`,
    value: path,
    limit: '{"messages": [{"role": "system", "user" or "assistant", "content": "text"}, ...]}',
    hint: '/save writes such a file',
  });
}
