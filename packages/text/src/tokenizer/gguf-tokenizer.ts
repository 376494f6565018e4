/**
 * The tokenizer that a GGUF file carries in its metadata: `llama` is SentencePiece's BPE with scores (Llama 2, Mistral,
 * Gemma, Phi-3, TinyLlama), `gpt2` is BPE with merges over bytes and a named pre-tokenizer (Llama 3, Qwen, SmolLM ...).
 *
 * Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. What llama.cpp does where the keys leave it open
 * (defaults, names of control tokens): https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { AddedToken } from './added-tokens.ts';
import { unspellBytes } from './byte-alphabet.ts';
import { endOfGenerationIds, endOfTurnId } from './control-tokens.ts';
import { flagValue, type GgufMetadata, idValue, numberList, textTable, textValue } from './gguf-values.ts';
import { badTokenizer } from './limits.ts';
import { MergeModel } from './model/merge-model.ts';
import { readMerges } from './model/merges.ts';
import { ScoreRule } from './model/score-rule.ts';
import { spaceMark } from './model/word-start.ts';
import { ggufPreTokenizer } from './pre-tokenize/gguf-pre-tokenizers.ts';
import { TextTokenizer, type TokenizerParts } from './text-tokenizer.ts';
import type { SpecialTokens, Tokenizer } from './tokenizer.ts';
import { Vocabulary } from './vocabulary.ts';

/** `tokenizer.ggml.token_type`, LLAMA_TOKEN_TYPE_*. */
const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

interface GgufVocabulary {
  readonly metadata: GgufMetadata;
  readonly vocabulary: Vocabulary;
  readonly types: readonly number[];
}

type ModelParts = Pick<TokenizerParts, 'normalize' | 'preTokenizer' | 'model' | 'leadingSpaces'> & {
  /** Spells bytes in GPT-2's alphabet, rather than spaces as `▁`. */
  readonly byteLevel: boolean;
  readonly addBos: boolean;
};

/** Reads the metadata of a model that was read with `{ arrays: 'all' }`. */
export function tokenizerFromGguf(metadata: GgufMetadata): Tokenizer {
  const file = readVocabulary(metadata);
  const { vocabulary } = file;
  const parts = readModel(file);
  const specialTokens = readSpecialTokens(file, parts.addBos);
  return new TextTokenizer({
    ...parts,
    vocabSize: vocabulary.size,
    textOf: (id) => vocabulary.text(id),
    bytesOf: (id) => bytesOf(file, id, parts.byteLevel),
    addedTokens: readAddedTokens(file, specialTokens),
    specialTokens,
    surroundings: {
      before: specialTokens.addBos && specialTokens.bos !== null ? [specialTokens.bos] : [],
      after: specialTokens.addEos && specialTokens.eos !== null ? [specialTokens.eos] : [],
    },
  });
}

function readVocabulary(metadata: GgufMetadata): GgufVocabulary {
  const texts = textTable(metadata, 'tokenizer.ggml.tokens');
  if (texts === null) throw badTokenizer('tokenizer.ggml.tokens', 'absent', 'the list of tokens');
  const types =
    numberList(metadata, 'tokenizer.ggml.token_type') ??
    new Array<number>(texts.length).fill(tokenTypes.normal);
  if (types.length < texts.length) {
    throw badTokenizer('length of tokenizer.ggml.token_type', types.length, `at least ${texts.length}`);
  }
  return { metadata, vocabulary: Vocabulary.fromTexts(texts, 'tokenizer.ggml.tokens'), types };
}

function readModel(file: GgufVocabulary): ModelParts {
  const kind = textValue(file.metadata, 'tokenizer.ggml.model') ?? 'absent';
  if (kind === 'llama') return readScoreModel(file);
  if (kind === 'gpt2' || kind === 'gemma4') return readMergeModel(file, kind);
  throw new PlimsollError({
    code: 'tokenizer-unsupported',
    message: `tokenizer: tokenizer.ggml.model is "${kind}", which is not supported`,
    value: kind,
    limit: 'llama, gpt2, gemma4',
    hint: 'put the tokenizer.json of the model beside the file, or report the model',
  });
}

function readScoreModel({ metadata, vocabulary, types }: GgufVocabulary): ModelParts {
  const scores = numberList(metadata, 'tokenizer.ggml.scores');
  if (scores === null || scores.length < vocabulary.size) {
    throw badTokenizer('length of tokenizer.ggml.scores', scores?.length ?? 0, `at least ${vocabulary.size}`);
  }
  const addsSpace = flagValue(metadata, 'tokenizer.ggml.add_space_prefix') ?? true;
  const prefix = addsSpace ? spaceMark : '';
  const isText = (id: number): boolean => {
    const type = types[id];
    return type !== tokenTypes.control && type !== tokenTypes.unknown && type !== tokenTypes.byte;
  };
  return {
    normalize: (text) => prefix + text.replaceAll(' ', spaceMark),
    preTokenizer: { steps: [], byteLevel: false },
    model: new MergeModel({
      vocabulary,
      rule: new ScoreRule(vocabulary, scores, isText),
      isText,
      byteLevel: false,
      ignoreMerges: false,
      byteFallback: true,
      unknownId: unknownIdOf(metadata, vocabulary, 0),
      fuseUnknown: true,
    }),
    byteLevel: false,
    addBos: true,
    leadingSpaces: addsSpace ? 1 : 0,
  };
}

function readMergeModel({ metadata, vocabulary, types }: GgufVocabulary, kind: string): ModelParts {
  const name = kind === 'gemma4' ? kind : (textValue(metadata, 'tokenizer.ggml.pre') ?? 'default');
  const { normalize, preTokenizer, ignoreMerges, addBos } = ggufPreTokenizer(name);
  const merges = textTable(metadata, 'tokenizer.ggml.merges');
  if (merges === null) throw badTokenizer('tokenizer.ggml.merges', 'absent', 'the list of merges');
  // Falcon's pre-tokenizer spells bytes in its middle; gemma4's not at all.
  const byteLevel = name !== 'gemma4';
  return {
    normalize,
    preTokenizer,
    model: new MergeModel({
      vocabulary,
      rule: readMerges(merges, vocabulary, 'tokenizer.ggml.merges'),
      isText: (id) => types[id] !== tokenTypes.control && types[id] !== tokenTypes.unknown,
      byteLevel: preTokenizer.byteLevel,
      ignoreMerges,
      byteFallback: !byteLevel,
      unknownId: byteLevel ? null : unknownIdOf(metadata, vocabulary, null),
      fuseUnknown: false,
    }),
    byteLevel,
    addBos,
    leadingSpaces: 0,
  };
}

function unknownIdOf(metadata: GgufMetadata, vocabulary: Vocabulary, fallback: number | null): number | null {
  return idValue(metadata, 'tokenizer.ggml.unknown_token_id', vocabulary.size) ?? fallback;
}

function bytesOf({ vocabulary, types }: GgufVocabulary, id: number, byteLevel: boolean): Uint8Array {
  const text = vocabulary.text(id);
  const type = types[id] ?? tokenTypes.normal;
  const byte = type === tokenTypes.byte ? /^<0x([0-9A-Fa-f]{2})>$/.exec(text)?.[1] : undefined;
  if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
  const isPlain = type === tokenTypes.normal || type === tokenTypes.unused || type === tokenTypes.byte;
  const encoder = new TextEncoder();
  if (!isPlain) return encoder.encode(text);
  if (byteLevel) return unspellBytes(text) ?? encoder.encode(text);
  return encoder.encode(text.replaceAll(spaceMark, ' '));
}

function readSpecialTokens(file: GgufVocabulary, addBosDefault: boolean): SpecialTokens {
  const { metadata, vocabulary } = file;
  const isLlama = textValue(metadata, 'tokenizer.ggml.model') === 'llama';
  const idOf = (name: string, llamaDefault: number | null = null): number | null => {
    const fallback = isLlama && llamaDefault !== null && llamaDefault < vocabulary.size ? llamaDefault : null;
    return idValue(metadata, `tokenizer.ggml.${name}_token_id`, vocabulary.size) ?? fallback;
  };
  const find = (text: string): number | undefined => vocabulary.id(text);
  const bos = idOf('bos', 1);
  const eos = idOf('eos', 2);
  const eot = idOf('eot') ?? endOfTurnId(find);
  return {
    bos,
    eos,
    eot,
    unknown: idOf('unknown', 0),
    pad: idOf('padding'),
    endOfGeneration: endOfGenerationIds([eos, idOf('eot'), idOf('eom')], find),
    addBos: bos !== null && (flagValue(metadata, 'tokenizer.ggml.add_bos_token') ?? addBosDefault),
    addEos: eos !== null && (flagValue(metadata, 'tokenizer.ggml.add_eos_token') ?? false),
  };
}

/** Phi-3's control tokens include the white space that follows; GGUF has no key for that. */
const phi3Name = /phi-?3/i;
const phi3Plain: ReadonlySet<string> = new Set(['<unk>', '<s>', '<|endoftext|>']);

function readAddedTokens(file: GgufVocabulary, { endOfGeneration }: SpecialTokens): readonly AddedToken[] {
  const { metadata, vocabulary, types } = file;
  const isPhi3 = phi3Name.test(textValue(metadata, 'general.name') ?? '');
  const added: AddedToken[] = [];
  for (let id = 0; id < vocabulary.size; id++) {
    const type = types[id];
    const special = type === tokenTypes.control || type === tokenTypes.unknown || endOfGeneration.has(id);
    if (!special && type !== tokenTypes.userDefined) continue;
    const content = vocabulary.text(id);
    added.push({
      id,
      content,
      special,
      stripsLeft: false,
      stripsRight: isPhi3 && !phi3Plain.has(content),
      singleWord: false,
      normalized: false,
    });
  }
  return added;
}
