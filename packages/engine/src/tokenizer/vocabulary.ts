/** The list of a model's tokens, both ways: id to text and text to id. */
import { badTokenizer, checkLimit } from './limits.ts';

export class Vocabulary {
  /** Text of each id; an id that the file skips has none. */
  readonly texts: readonly (string | undefined)[];
  readonly #ids: ReadonlyMap<string, number>;

  private constructor(texts: readonly (string | undefined)[], ids: ReadonlyMap<string, number>) {
    this.texts = texts;
    this.#ids = ids;
  }

  /** From a list where the position is the id. Two ids for one text would make encoding a matter of luck. */
  static fromTexts(texts: readonly string[], place: string): Vocabulary {
    checkLimit('vocabSize', texts.length, place);
    const ids = new Map<string, number>();
    for (const [id, text] of texts.entries()) {
      const other = ids.get(text);
      if (other !== undefined)
        throw badTokenizer(`${place}[${id}]`, text, `a text that ${other} does not have`);
      ids.set(text, id);
    }
    return new Vocabulary(texts, ids);
  }

  /** From texts and their ids in any order, as tokenizer.json has them. */
  static fromKeys(keys: readonly string[], values: readonly unknown[], place: string): Vocabulary {
    const texts: (string | undefined)[] = [];
    const ids = new Map<string, number>();
    for (const [index, text] of keys.entries()) {
      const id = values[index];
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
        throw badTokenizer(`${place} "${text}"`, id, 'a whole number from 0');
      }
      checkLimit('vocabSize', id + 1, `${place} "${text}"`);
      while (texts.length <= id) texts.push(undefined);
      const other = texts[id];
      if (other !== undefined)
        throw badTokenizer(`${place} "${text}"`, id, `an id that "${other}" does not have`);
      texts[id] = text;
      ids.set(text, id);
    }
    return new Vocabulary(texts, ids);
  }

  get size(): number {
    return this.texts.length;
  }

  id(text: string): number | undefined {
    return this.#ids.get(text);
  }

  entries(): Iterable<readonly [string, number]> {
    return this.#ids.entries();
  }

  /** The ids of `<0x00>` to `<0xFF>`; -1 where one is missing. */
  byteTokens(): Int32Array {
    const ids = new Int32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      const spelled = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
      ids[byte] = this.id(spelled) ?? -1;
    }
    return ids;
  }
}
