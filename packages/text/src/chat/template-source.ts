/**
 * Where chat templates are kept: GGUF has `tokenizer.chat_template` and named ones beside it, a model directory has a
 * text or a list of named ones in tokenizer_config.json, or a file chat_template.jinja.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { type GgufMetadata, textList, textValue } from '../tokenizer/gguf-values.ts';
import { JsonReader } from '../tokenizer/json-reader.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { TemplateTokens } from './chat-template.ts';

/** Sources of templates by name; `default` is the one for plain conversations. */
export type TemplateSources = ReadonlyMap<string, string>;

export function chatTemplatesFromGguf(metadata: GgufMetadata): TemplateSources {
  const sources = new Map<string, string>();
  const plain = textValue(metadata, 'tokenizer.chat_template');
  if (plain !== null) sources.set('default', plain);
  for (const name of textList(metadata, 'tokenizer.chat_templates') ?? []) {
    const source = textValue(metadata, `tokenizer.chat_template.${name}`);
    if (source !== null) sources.set(name, source);
  }
  return sources;
}

/** `templateFile` is the text of chat_template.jinja; it counts before what tokenizer_config.json says. */
export function chatTemplatesFromConfig(tokenizerConfig: unknown, templateFile?: string): TemplateSources {
  const sources = new Map<string, string>();
  const config = new JsonReader(tokenizerConfig, 'tokenizer_config.json');
  const value = config.value('chat_template');
  if (Array.isArray(value)) {
    for (const entry of config.objects('chat_template'))
      sources.set(entry.text('name'), entry.text('template'));
  } else if (value !== null) {
    sources.set('default', config.text('chat_template'));
  }
  if (templateFile !== undefined) sources.set('default', templateFile);
  return sources;
}

/** The template by name; without one, `tool_use` when there are tools and the model has it, else `default`. */
export function chooseTemplate(
  sources: TemplateSources,
  wish: { readonly name?: string; readonly hasTools?: boolean } = {},
): string {
  const automatic = wish.hasTools && sources.has('tool_use') ? 'tool_use' : 'default';
  const name = wish.name ?? automatic;
  const source = sources.get(name);
  if (source !== undefined) return source;
  throw new PlimsollError({
    code: 'no-chat-template',
    message: `this model has no chat template named "${name}"`,
    value: name,
    limit: [...sources.keys()].join(', ') || 'none at all',
    hint: 'base models have none: give a prompt instead of messages, or a template of your own',
  });
}

/** The special tokens as templates name them. */
export function templateTokens(tokenizer: Tokenizer): TemplateTokens {
  const { bos, eos, pad, unknown } = tokenizer.specialTokens;
  const named = { bos_token: bos, eos_token: eos, pad_token: pad, unk_token: unknown };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, id]) => (id === null ? [] : [[name, tokenizer.tokenText(id)]])),
  );
}
