/**
 * The path of a text through a tokenizer, the same for every kind:
 *
 *   text -> added tokens cut out -> normalised -> cut into pieces -> model -> ids, with the special tokens around them
 *
 * The readers (gguf-tokenizer.ts, json-tokenizer.ts) make the parts; this file runs them.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { coverage, type Spans, spansWithin } from '../spans.ts';
import { type AddedToken, AddedTokens, type ParseSpecial, readsSpecialIn } from './added-tokens.ts';
import { IdList } from './id-list.ts';
import { checkLimit } from './limits.ts';
import type { TokenModel } from './model/token-model.ts';
import type { Surroundings } from './post-processor.ts';
import { type PreTokenizer, runPreTokenizer } from './pre-tokenize/pre-tokenizer.ts';
import { dropLeadingSpaces } from './text-stream.ts';
import type { DecodeOptions, EncodeOptions, SpecialTokens, Tokenizer } from './tokenizer.ts';

export interface TokenizerParts {
  readonly vocabSize: number;
  /** Text of an id as the file spells it, undefined where the file skips an id. */
  textOf(id: number): string | undefined;
  bytesOf(id: number): Uint8Array;
  readonly addedTokens: readonly AddedToken[];
  normalize(text: string): string;
  readonly preTokenizer: PreTokenizer;
  readonly model: TokenModel;
  readonly surroundings: Surroundings;
  readonly specialTokens: SpecialTokens;
  readonly leadingSpaces: number;
}

export class TextTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly specialTokens: SpecialTokens;
  readonly leadingSpaces: number;
  readonly #parts: TokenizerParts;
  readonly #rawTokens: AddedTokens;
  readonly #normalizedTokens: AddedTokens;
  readonly #special: ReadonlySet<number>;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  /** 0 until it is asked for. */
  #tokenBytesMax = 0;

  constructor(parts: TokenizerParts) {
    this.#parts = parts;
    this.vocabSize = parts.vocabSize;
    this.specialTokens = parts.specialTokens;
    this.leadingSpaces = parts.leadingSpaces;
    const { addedTokens } = parts;
    this.#rawTokens = new AddedTokens(
      addedTokens.filter(({ normalized }) => !normalized),
      ({ content }) => content,
    );
    this.#normalizedTokens = new AddedTokens(
      addedTokens.filter(({ normalized }) => normalized),
      ({ content }) => parts.normalize(content),
    );
    this.#special = new Set(addedTokens.filter(({ special }) => special).map(({ id }) => id));
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    checkLimit('textLength', text.length, 'text to encode');
    const { addSpecial = true, parseSpecial = false } = options;
    const ids = new IdList();
    if (addSpecial) ids.pushAll(this.#parts.surroundings.before);
    try {
      this.#encodeText(text.toWellFormed(), parseSpecial, ids);
    } catch (error) {
      throw isStackOverflow(error) ? tooComplex(text) : error;
    }
    if (addSpecial) ids.pushAll(this.#parts.surroundings.after);
    return ids.slice(0);
  }

  #encodeText(text: string, parseSpecial: boolean | Spans, ids: IdList): void {
    const isRead = typeof parseSpecial === 'boolean' ? parseSpecial : readsSpecialIn(parseSpecial, 0);
    for (const raw of this.#rawTokens.split(text, isRead)) {
      if (raw.text === undefined) {
        ids.push(raw.id);
        continue;
      }
      const normalized = this.#normalize(raw.text);
      const inNormalized =
        typeof parseSpecial === 'boolean'
          ? parseSpecial
          : this.#readInNormalized(
              raw.text,
              normalized,
              spansWithin(parseSpecial, raw.start, raw.start + raw.text.length),
            );
      for (const segment of this.#normalizedTokens.split(normalized, inNormalized)) {
        if (segment.text === undefined) ids.push(segment.id);
        else this.#encodeSegment(segment.text, raw.start + segment.start === 0, ids);
      }
    }
  }

  #normalize(text: string): string {
    const normalized = this.#parts.normalize(text);
    checkLimit('textLength', normalized.length, 'text after its normalizers');
    return normalized;
  }

  /**
   * Where control tokens are read in a normalised text: at the ends that the tokens in the spans of the raw text have after
   * normalising. Only tokenizers of the first Llama models look for control tokens so late.
   */
  #readInNormalized(raw: string, normalized: string, spans: Spans): ParseSpecial {
    if (spans.length === 0 || !this.#normalizedTokens.hasSpecial) return false;
    const ends = new Set<number>();
    let work = 0;
    for (const { content } of this.#parts.addedTokens.filter((token) => token.special && token.normalized)) {
      for (let at = raw.indexOf(content); at >= 0; at = raw.indexOf(content, at + content.length)) {
        if (coverage(spans, at, at + content.length) !== 'all') continue;
        work += at + content.length;
        checkLimit('normalizedWork', work, 'control tokens in the normalised text');
        const before = this.#normalize(raw.slice(0, at + content.length));
        if (normalized.startsWith(before)) ends.add(before.length);
      }
    }
    return (_, end) => (ends.has(end) ? 'all' : 'none');
  }

  #encodeSegment(text: string, isStart: boolean, ids: IdList): void {
    const { model, preTokenizer } = this.#parts;
    for (const piece of runPreTokenizer(preTokenizer, text, isStart)) {
      if (model.wordStart === null) model.encodePiece(piece, ids);
      else encodeWords(model, piece, ids);
    }
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const { skipSpecial = true } = options;
    const chunks: Uint8Array[] = [];
    let byteCount = 0;
    for (const id of ids) {
      if (skipSpecial && this.#special.has(id)) continue;
      const bytes = this.tokenBytes(id);
      chunks.push(bytes);
      byteCount += bytes.length;
    }
    const all = new Uint8Array(byteCount);
    let end = 0;
    for (const bytes of chunks) {
      all.set(bytes, end);
      end += bytes.length;
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
      all.subarray(dropLeadingSpaces(all, this.leadingSpaces)),
    );
  }

  tokenBytes(id: number): Uint8Array {
    const known = this.#bytes[id];
    if (known !== undefined) return known;
    this.#checkId(id);
    const bytes = this.#parts.bytesOf(id);
    checkLimit('tokenBytes', bytes.length, `token ${id}`);
    this.#bytes[id] = bytes;
    return bytes;
  }

  tokenText(id: number): string {
    this.#checkId(id);
    return this.#parts.textOf(id) ?? '';
  }

  get tokenBytesMax(): number {
    if (this.#tokenBytesMax === 0) {
      for (let id = 0; id < this.vocabSize; id++) {
        // Not through tokenBytes(), which would keep the bytes of every token.
        this.#tokenBytesMax = Math.max(this.#tokenBytesMax, this.#parts.bytesOf(id).length);
      }
    }
    return this.#tokenBytesMax;
  }

  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  #checkId(id: number): void {
    if (Number.isSafeInteger(id) && id >= 0 && id < this.vocabSize) return;
    throw new PlimsollError({
      code: 'unknown-token',
      message: `token ${id} is not in the vocabulary`,
      value: id,
      limit: this.vocabSize - 1,
      hint: 'the ids belong to another model',
    });
  }
}

/** Cuts before each run of the character that starts words: the same ids, and most words are remembered ones. */
function encodeWords(model: TokenModel, text: string, ids: IdList): void {
  const mark = model.wordStart ?? '';
  let start = 0;
  for (let from = 0; from < text.length; ) {
    let end = from;
    while (end < text.length && text[end] === mark) end++;
    const next = text.indexOf(mark, end);
    from = next < 0 ? text.length : next;
    model.encodePiece(text.slice(start, from), ids);
    start = from;
  }
}

/** V8 answers a pattern that needs more memory for backtracking than it may have with a stack overflow. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}

function tooComplex(text: string): PlimsollError {
  return new PlimsollError({
    code: 'tokenizer-text',
    message: 'this text is too much for the patterns of the tokenizer',
    value: text.length,
    hint: 'encode the text in parts',
  });
}
