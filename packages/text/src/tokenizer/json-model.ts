/** The model section of tokenizer.json: BPE or Unigram, with its vocabulary. */
import { PlimsollError } from '@plimsoll/foundation';
import type { JsonReader } from './json-reader.ts';
import { badTokenizer, checkLimit } from './limits.ts';
import { MergeModel } from './model/merge-model.ts';
import { readMerges } from './model/merges.ts';
import type { TokenModel } from './model/token-model.ts';
import { UnigramModel } from './model/unigram-model.ts';
import { Vocabulary } from './vocabulary.ts';

export interface JsonModel {
  readonly vocabulary: Vocabulary;
  readonly model: TokenModel;
  readonly unknownId: number | null;
}

export function readModel(config: JsonReader, byteLevel: boolean): JsonModel {
  // Files from before the field was written tell the kind by their contents.
  const type = config.text('type', config.value('merges') === null ? 'absent' : 'BPE');
  if (type === 'BPE') return readBpe(config, byteLevel);
  if (type === 'Unigram') return readUnigram(config);
  throw new PlimsollError({
    code: 'tokenizer-unsupported',
    message: `tokenizer: model ${type} at ${config.path} is not supported`,
    value: type,
    limit: 'BPE, Unigram',
    hint: 'language models of other kinds are not run here',
  });
}

function readBpe(config: JsonReader, byteLevel: boolean): JsonModel {
  const { keys, values } = config.object('vocab').keysAndValues();
  const vocabulary = Vocabulary.fromKeys(keys, values, `${config.path}.vocab`);
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix']) {
    // Vocabularies of translation models mark places in words; no decoder-only model does.
    if ((config.textOrNull(key) ?? '') !== '') throw config.bad(key, 'absent');
  }
  if (Number(config.value('dropout') ?? 0) !== 0)
    throw config.bad('dropout', 'absent: encoding is not a lottery');
  const unknown = config.textOrNull('unk_token');
  const unknownId = unknown === null ? null : (vocabulary.id(unknown) ?? null);
  const model = new MergeModel({
    vocabulary,
    rule: readMerges(config.list('merges'), vocabulary, `${config.path}.merges`),
    isText: () => true,
    byteLevel,
    ignoreMerges: config.flag('ignore_merges', false),
    byteFallback: config.flag('byte_fallback', false),
    unknownId,
    fuseUnknown: config.flag('fuse_unk', false),
  });
  return { vocabulary, model, unknownId };
}

function readUnigram(config: JsonReader): JsonModel {
  const list = config.list('vocab');
  checkLimit('vocabSize', list.length, `${config.path}.vocab`);
  const texts: string[] = [];
  const scores: number[] = [];
  for (const [index, entry] of list.entries()) {
    const [text, score]: readonly unknown[] = Array.isArray(entry) ? entry : [];
    if (typeof text !== 'string' || typeof score !== 'number') {
      throw badTokenizer(`${config.path}.vocab[${index}]`, entry, 'a text and its score');
    }
    texts.push(text);
    scores.push(score);
  }
  const vocabulary = Vocabulary.fromTexts(texts, `${config.path}.vocab`);
  const unknownId = config.value('unk_id') === null ? null : config.count('unk_id');
  if (unknownId !== null && unknownId >= list.length)
    throw config.bad('unk_id', `an id below ${list.length}`);
  const byteFallback = config.flag('byte_fallback', false);
  const model = new UnigramModel({ vocabulary, scores, byteFallback, unknownId, fuseUnknown: true });
  return { vocabulary, model, unknownId };
}
