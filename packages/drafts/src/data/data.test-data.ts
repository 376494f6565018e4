/** A tokenizer, templates and files for the tests of data. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Tokenizer, tokenizerFromJson } from '@plimsoll/text';
import { ChatTemplate, type RenderedChat } from '@plimsoll/text/chat';
import { onTestFinished } from 'vitest';
import { answerFormOf, type ChatRenderer } from './chat-renderer.ts';
import type { EncodingOptions } from './encoded-prompt.ts';

const fixtures = join(import.meta.dirname, '../../../../fixtures');

interface Templates {
  readonly templates: readonly { readonly name: string; readonly template: string }[];
}

/** The byte-level tokenizer of the fixtures with the control tokens of ChatML; `<|im_end|>` ends an answer. */
export function chatTokenizer(parts: Readonly<Record<string, unknown>> = {}): Tokenizer {
  const models = JSON.parse(readFileSync(join(fixtures, 'tokenizers/models.json'), 'utf8'));
  const added = [
    '<|endoftext|>',
    '<|im_start|>',
    '<|im_end|>',
    '</s>',
    '<s>',
    '<|end|>',
    '[INST]',
    '[/INST]',
  ];
  const tokenizer = {
    version: '1.0',
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    ...parts,
    added_tokens: added.map((content, index) => ({
      ...{ id: 1100 + index, content, single_word: false, lstrip: false, normalized: false, special: true },
      rstrip: content === '<|end|>',
    })),
    model: models.byteLevel,
  };
  return tokenizerFromJson({ tokenizer, tokenizerConfig: { eos_token: '</s>' } });
}

export function templateSource(name: string): string {
  const { templates } = JSON.parse(readFileSync(join(fixtures, 'chat-templates.json'), 'utf8')) as Templates;
  return templates.find((template) => template.name === name)?.template ?? '';
}

export const chatMl =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

export function rendererOf(source: string): ChatRenderer {
  const template = new ChatTemplate(source, { bos_token: '<s>', eos_token: '</s>' });
  return { name: 'test', render: async (input): Promise<RenderedChat> => template.render(input) };
}

export async function encodingOptions(
  source: string,
  changes: Partial<EncodingOptions> = {},
): Promise<EncodingOptions> {
  const tokenizer = changes.tokenizer ?? chatTokenizer();
  const renderer = rendererOf(source);
  const form = await answerFormOf(renderer, tokenizer);
  return {
    tokenizer,
    chat: { renderer, form },
    tokensMax: 4096,
    tokensMin: 1,
    lastAnswerOnly: false,
    ...changes,
  };
}

/** Writes lines to a file that ends with the test. */
export function dataFile(lines: readonly unknown[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-data-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'data.jsonl');
  writeFileSync(
    path,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  );
  return path;
}

/** The trained text of a sample, and `|` where untrained tokens lie between. */
export function trainedText(
  tokenizer: Tokenizer,
  { inputIds, lossMask }: { readonly inputIds: readonly number[]; readonly lossMask: readonly number[] },
): string {
  const parts: number[][] = [];
  for (const [index, id] of inputIds.entries()) {
    if (lossMask[index] !== 1) continue;
    if (index === 0 || lossMask[index - 1] !== 1) parts.push([]);
    parts.at(-1)?.push(id);
  }
  return parts.map((ids) => tokenizer.decode(ids, { skipSpecial: false })).join('|');
}
