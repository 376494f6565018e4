/**
 * The tokenizer of a Hugging Face model directory: tokenizer.json (the whole pipeline), tokenizer_config.json (the
 * names of special tokens) and generation_config.json (what ends a generation).
 *
 * The @huggingface/tokenizers package reads the same files and is not used: GGUF files need the models of this folder
 * anyway, it has no bytes of single tokens (which streaming and constrained output need), and it cannot leave control
 * tokens in the text as text.
 */

import type { AddedToken } from './added-tokens.ts';
import { endOfGenerationIds, endOfTurnId } from './control-tokens.ts';
import { readDecoder } from './decoder.ts';
import { readModel } from './json-model.ts';
import { JsonReader } from './json-reader.ts';
import { badTokenizer, checkLimit } from './limits.ts';
import { readNormalizer } from './normalize/normalizer.ts';
import { readPostProcessor, type Surroundings } from './post-processor.ts';
import { readPreTokenizer } from './pre-tokenize/pre-tokenizer.ts';
import { TextTokenizer } from './text-tokenizer.ts';
import type { SpecialTokens, Tokenizer } from './tokenizer.ts';
import { checkIdGap, type Vocabulary } from './vocabulary.ts';

/** The parsed files; those that a directory lacks are left out. */
export interface TokenizerFiles {
  readonly tokenizer: unknown;
  readonly tokenizerConfig?: unknown;
  readonly generationConfig?: unknown;
}

export function tokenizerFromJson(files: TokenizerFiles): Tokenizer {
  const config = new JsonReader(files.tokenizer, 'tokenizer.json');
  const preTokenizer = readPreTokenizer(config.objectOrNull('pre_tokenizer'));
  const { vocabulary, model, unknownId } = readModel(config.object('model'), preTokenizer.byteLevel);
  const addedTokens = readAddedTokens(config, vocabulary);
  const contents = new Map(addedTokens.map(({ id, content }) => [id, content]));
  const ids = new Map(addedTokens.map(({ id, content }) => [content, id]));
  const decoder = readDecoder(config.objectOrNull('decoder'));
  const normalize = readNormalizer(config.objectOrNull('normalizer'));
  const names =
    files.tokenizerConfig === undefined
      ? null
      : new JsonReader(files.tokenizerConfig, 'tokenizer_config.json');
  const find = (text: string): number | undefined => ids.get(text) ?? vocabulary.id(text);
  const surroundings = surroundingsOf(config, names, find);
  const vocabSize = addedTokens.reduce((size, { id }) => Math.max(size, id + 1), vocabulary.size);
  checkLimit('vocabSize', vocabSize, 'tokenizer.json');
  for (const id of [...surroundings.before, ...surroundings.after]) {
    if (!(Number.isSafeInteger(id) && id >= 0 && id < vocabSize)) {
      throw badTokenizer(`${config.path}.post_processor`, id, `ids below ${vocabSize}`);
    }
  }
  return new TextTokenizer({
    vocabSize,
    textOf: (id) => contents.get(id) ?? vocabulary.text(id),
    bytesOf(id) {
      // GPT-2's alphabet has letters that an added token may be written with: it is no spelling there.
      const content = contents.get(id);
      if (content !== undefined && preTokenizer.byteLevel) return new TextEncoder().encode(content);
      return decoder.bytesOf(content ?? vocabulary.text(id));
    },
    addedTokens,
    normalize,
    preTokenizer,
    model,
    leadingSpaces: decoder.leadingSpaces,
    surroundings,
    specialTokens: readSpecialTokens({ names, files, find, unknownId, surroundings }),
  });
}

function readAddedTokens(config: JsonReader, vocabulary: Vocabulary): readonly AddedToken[] {
  if (config.value('added_tokens') === null) return [];
  checkLimit('addedTokenCount', config.list('added_tokens').length, 'added tokens');
  const added = config.objects('added_tokens').map((token) => readAdded(token, vocabulary));
  for (const { id, content } of added) {
    checkIdGap(id, vocabulary.size + added.length, `${config.path}.added_tokens "${content.slice(0, 40)}"`);
  }
  return added;
}

/** A text that the vocabulary has keeps the id that it has there. */
function readAdded(config: JsonReader, vocabulary: Vocabulary): AddedToken {
  const special = config.flag('special', false);
  const content = config.text('content');
  return {
    id: vocabulary.id(content) ?? config.count('id'),
    content,
    special,
    stripsLeft: config.flag('lstrip', false),
    stripsRight: config.flag('rstrip', false),
    singleWord: config.flag('single_word', false),
    normalized: config.flag('normalized', !special),
  };
}

/** Classes of transformers that build their own post-processor from `add_bos_token` and `add_eos_token`. */
const selfMadeClasses = /^(?:Llama|CodeLlama|Gemma|Cohere)Tokenizer(?:Fast)?$/;

function surroundingsOf(config: JsonReader, names: JsonReader | null, find: Find): Surroundings {
  const stated = readPostProcessor(config.objectOrNull('post_processor'));
  if (names === null || !selfMadeClasses.test(names.textOrNull('tokenizer_class') ?? '')) return stated;
  const side = (flag: string, token: string, ids: readonly number[]): readonly number[] => {
    if (names.value(flag) === null) return ids;
    const id = namedId(names, token, find);
    return names.flag(flag, false) && id !== null ? [id] : [];
  };
  return {
    before: side('add_bos_token', 'bos_token', stated.before),
    after: side('add_eos_token', 'eos_token', stated.after),
  };
}

type Find = (text: string) => number | undefined;

/** A special token is a text, or an object that describes an added token. */
function namedId(names: JsonReader | null, key: string, find: Find): number | null {
  const value = names?.value(key) ?? null;
  if (names === null || value === null) return null;
  const text = typeof value === 'string' ? value : names.object(key).text('content');
  return find(text) ?? null;
}

interface SpecialSources {
  readonly names: JsonReader | null;
  readonly files: TokenizerFiles;
  readonly find: Find;
  readonly unknownId: number | null;
  readonly surroundings: Surroundings;
}

function readSpecialTokens({ names, files, find, unknownId, surroundings }: SpecialSources): SpecialTokens {
  const [first] = surroundings.before;
  const bos = namedId(names, 'bos_token', find) ?? first ?? null;
  const eos = namedId(names, 'eos_token', find);
  return {
    bos,
    eos,
    eot: endOfTurnId(find),
    unknown: namedId(names, 'unk_token', find) ?? unknownId,
    pad: namedId(names, 'pad_token', find),
    endOfGeneration: endOfGenerationIds([eos, ...generationEnds(files.generationConfig)], find),
    addBos: bos !== null && first === bos,
    addEos: eos !== null && surroundings.after.at(-1) === eos,
  };
}

function generationEnds(generationConfig: unknown): readonly number[] {
  if (generationConfig === undefined) return [];
  const value = new JsonReader(generationConfig, 'generation_config.json').value('eos_token_id');
  return (Array.isArray(value) ? value : [value]).filter(Number.isSafeInteger);
}
