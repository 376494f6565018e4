/** Contents of messages that come as a text or as a list of parts. */
import { InvalidField } from './request-errors.ts';

interface Part {
  readonly type: string;
  readonly text?: string | undefined;
}

interface Reading {
  /** Path of the content in the body. */
  readonly param: string;
  /** Types of parts whose text is read. */
  readonly types: readonly string[];
  readonly hint: string;
}

/** Joins the texts of the parts. Throws code `unsupported-content` for a part of another type. */
export function contentText(content: string | readonly Part[], { param, types, hint }: Reading): string {
  if (typeof content === 'string') return content;
  const texts = content.map(({ type, text }, index) => {
    if (types.includes(type) && text !== undefined) return text;
    throw new InvalidField(`${param}.${index}`, `a part of type "${type.slice(0, 40)}" cannot be read`, {
      code: 'unsupported-content',
      hint,
    });
  });
  return texts.join('\n');
}
