/**
 * Tools of a chat: how the model is told of them, how it writes calls, and the grammar of enforced calls.
 *
 *   hermes   <tool_call>{"name": ..., "arguments": {...}}</tool_call>      Hermes, Qwen 2.5 and 3, and many others
 *   llama    {"name": ..., "parameters": {...}}                            Llama 3.1 and later
 *
 * A template without tools, or with another form, gets the tools as instructions in a message, in the form of Hermes.
 */
import type { ChatMessage } from '@plimsoll/text/chat';
import type { ValueFrame } from '@plimsoll/text/grammar';
import { InvalidField } from '../http/request-errors.ts';

export interface ToolSpec {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of the arguments. Default: any object. */
  readonly parameters?: unknown;
}

/** Names and descriptions that APIs send, where null means absent. */
interface GivenTool {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly parameters?: unknown;
}

export function toolSpec({ name, description, parameters }: GivenTool): ToolSpec {
  return {
    name,
    ...(description != null && { description }),
    ...(parameters != null && { parameters }),
  };
}

/** The answer for a request without tools. Throws if its choice, in the words of its API, requires a call. */
export function withoutTools(choice: unknown): null {
  if (choice == null || choice === 'auto' || choice === 'none') return null;
  throw new InvalidField('tool_choice', 'a call is required, but there are no tools');
}

/** Throws if the choice names no tool, or if two tools have one name. */
export function checkedToolUse(use: ToolUse): ToolUse {
  const { tools, choice } = use;
  const names = new Set(tools.map(({ name }) => name));
  if (names.size < tools.length) throw new InvalidField('tools', 'two tools have the same name');
  if (typeof choice === 'string' || names.has(choice.name)) return use;
  throw new InvalidField('tool_choice', `there is no tool "${choice.name}"`);
}

/** `required`: at least one call. A name: calls of this tool alone. */
export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string };

export interface ToolUse {
  readonly tools: readonly ToolSpec[];
  readonly choice: ToolChoice;
  /** False: at most one call. */
  readonly allowsSeveral: boolean;
}

export interface CallForm {
  readonly name: 'hermes' | 'llama';
  /** Texts around a call; empty if the whole answer is the call. */
  readonly before: string;
  readonly after: string;
  readonly separator: string;
  /** Key of the arguments. */
  readonly argumentsKey: 'arguments' | 'parameters';
}

const hermes: CallForm = {
  name: 'hermes',
  before: '<tool_call>\n',
  after: '\n</tool_call>',
  separator: '\n',
  argumentsKey: 'arguments',
};
const llama: CallForm = { name: 'llama', before: '', after: '', separator: '; ', argumentsKey: 'parameters' };

export interface ToolStyle {
  readonly form: CallForm;
  /** False: the tools are written into a message, because the template cannot show them in this form. */
  readonly templateShowsTools: boolean;
}

/** Determines the style from the source of a chat template. */
export function toolStyleOf(template: string): ToolStyle {
  const showsTools = /\btools\b/.test(template);
  if (showsTools && template.includes('<tool_call>') && !template.includes('<function=')) {
    return { form: hermes, templateShowsTools: true };
  }
  const isLlama = template.includes('<|python_tag|>') || /["']parameters["']:/.test(template);
  if (showsTools && isLlama) return { form: llama, templateShowsTools: true };
  return { form: hermes, templateShowsTools: false };
}

/** Most calls of one answer. */
const callsMax = 16;

export interface CallGrammar {
  readonly schema: unknown;
  readonly frame: ValueFrame;
}

/** The grammar of enforced calls; null if the model may answer with text. */
export function callGrammar(
  { tools, choice, allowsSeveral }: ToolUse,
  { form }: ToolStyle,
): CallGrammar | null {
  if (choice === 'none' || choice === 'auto') return null;
  const allowed = choice === 'required' ? tools : tools.filter(({ name }) => name === choice.name);
  const schema = {
    anyOf: allowed.map(({ name, parameters }, index) => ({
      type: 'object',
      properties: {
        name: { const: name },
        [form.argumentsKey]: movedSchema(parameters, `#/anyOf/${index}/properties/${form.argumentsKey}`),
      },
      required: ['name', form.argumentsKey],
      additionalProperties: false,
    })),
  };
  const { before, after, separator } = form;
  return { schema, frame: { before, after, separator, valuesMax: allowsSeveral ? callsMax : 1 } };
}

/** Moves a schema to another place of its document: references keep their targets. */
function movedSchema(schema: unknown, place: string): unknown {
  if (schema === undefined || schema === null) return { type: 'object' };
  const move = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(move);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === '$ref' && typeof inner === 'string' ? inner.replace(/^#/, place) : move(inner),
      ]),
    );
  };
  return move(schema);
}

/** Descriptions of tools in the form that chat templates read. */
export function templateTools(tools: readonly ToolSpec[]): readonly unknown[] {
  return tools.map(({ name, description = '', parameters = { type: 'object', properties: {} } }) => ({
    type: 'function',
    function: { name, description, parameters },
  }));
}

/** Writes tools, calls and results into the messages, for templates that cannot show them. */
export function withWrittenTools(
  messages: readonly ChatMessage[],
  tools: readonly ToolSpec[],
): readonly ChatMessage[] {
  const plain = messages.map(plainMessage);
  const place = Math.max(
    0,
    plain.findIndex(({ role }) => role === 'system' || role === 'user'),
  );
  const first = plain[place];
  if (tools.length === 0 || first === undefined) return plain;
  const { role, content } = first;
  const text = typeof content === 'string' ? content : '';
  const parts = role === 'system' ? [text, instructions(tools)] : [instructions(tools), text];
  return plain.with(place, { role, content: parts.join('\n\n') });
}

function instructions(tools: readonly ToolSpec[]): string {
  const list = tools.map((tool) => JSON.stringify(templateTools([tool])[0])).join('\n');
  return (
    `You may call these functions:\n<tools>\n${list}\n</tools>\n` +
    'To call one, answer with <tool_call>\n{"name": "the function", "arguments": {...}}\n</tool_call>'
  );
}

function plainMessage({ role, content, tool_calls: calls, ...rest }: ChatMessage): ChatMessage {
  const text = typeof content === 'string' ? content : '';
  if (role === 'tool') return { role: 'user', content: `<tool_response>\n${text}\n</tool_response>` };
  if (calls === undefined) return { role, content: text, ...rest };
  const written = calls.map(({ function: { name, arguments: given } }) => {
    const argumentsText = typeof given === 'string' ? given : JSON.stringify(given);
    return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${argumentsText}}\n</tool_call>`;
  });
  return { role, content: [...(text === '' ? [] : [text]), ...written].join('\n') };
}
