/** The target of a capture before its weights are loaded: what it is, how it reads text, and what it will cost. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { answerFormOf, type ChatRenderer, type EncodingOptions } from '@plimsoll/drafts';
import { type CapturePlan, checkWanted, usualLayers } from '@plimsoll/drafts/targets';
import type { Model } from '@plimsoll/engine';
import type { TemplateProcess } from '@plimsoll/text/process';
import { chatTemplateOf } from '../conversation.ts';
import type { FeaturesOptions } from './features-options.ts';

export interface FeaturesTarget {
  readonly model: Model;
  readonly identity: { readonly id: string; readonly sha256: string };
  readonly encoding: EncodingOptions;
  /** Hash of the vocabulary. */
  readonly tokenizerVersion: string;
  /** Hash of the chat template; null for a target without one. */
  readonly templateSha256: string | null;
  readonly plan: CapturePlan;
}

/** Reads header, tokenizer and template, hashes the weights, and refuses layers that the target lacks. */
export async function readTarget(
  model: Model,
  options: FeaturesOptions,
  templates: TemplateProcess,
): Promise<FeaturesTarget> {
  const tokenizer = await model.loadTokenizer();
  const template = await chatTemplateOf({ model }, tokenizer);
  let chat: EncodingOptions['chat'] = null;
  if (template !== null) {
    const renderer: ChatRenderer = {
      name: template.name,
      render: (input) => templates.render({ ...template, input }),
    };
    chat = { renderer, form: await answerFormOf(renderer, tokenizer) };
  }
  const vocabulary = createHash('sha256');
  for (let id = 0; id < tokenizer.vocabSize; id++) vocabulary.update(`${tokenizer.tokenText(id)}\n`);
  const { maxLength, minLength, lastAnswer, strategy, layers, states } = options;
  const layerCount = model.graph.layers.length;
  const plan: CapturePlan = {
    strategy,
    layerIds: layers ?? usualLayers(layerCount),
    hasFinal: true,
    statesType: states === 'bf16' ? 'BF16' : 'F32',
  };
  const identity = { id: model.spec.id, sha256: await weightsSha256(model.path) };
  checkWanted({ identity, layerCount, refusal: () => null }, plan);
  return {
    model,
    identity,
    encoding: { tokenizer, chat, tokensMax: maxLength, tokensMin: minLength, lastAnswerOnly: lastAnswer },
    tokenizerVersion: `vocabulary-${vocabulary.digest('hex').slice(0, 16)}`,
    templateSha256: template === null ? null : createHash('sha256').update(template.source).digest('hex'),
    plan,
  };
}

/** SHA-256 of a GGUF file, or of the names and hashes of a directory's safetensors files. */
async function weightsSha256(path: string): Promise<string> {
  if ((await stat(path)).isFile()) return fileSha256(path);
  const names = (await readdir(path)).filter((name) => name.endsWith('.safetensors')).toSorted();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name} ${await fileSha256(join(path, name))}\n`);
  return hash.digest('hex');
}

async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
