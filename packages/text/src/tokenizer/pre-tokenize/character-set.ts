/**
 * A set of characters, tested one character at a time. JavaScript's own expressions decide, so that sets mean the same here
 * as in patterns that run natively; the answers are remembered.
 */

const asciiCount = 128;
/** Answers remembered beyond ASCII; a text uses few different characters. */
const rememberedCount = 4096;

export class CharacterSet {
  readonly #expression: RegExp;
  readonly #ascii: Uint8Array;
  readonly #others = new Map<number, boolean>();

  /** `source` describes one character in `v` mode. Throws a SyntaxError for what JavaScript does not know. */
  constructor(source: string, ignoreCase: boolean) {
    this.#expression = new RegExp(`^(?:${source})$`, ignoreCase ? 'vi' : 'v');
    this.#ascii = Uint8Array.from({ length: asciiCount }, (_, codePoint) =>
      Number(this.#expression.test(String.fromCodePoint(codePoint))),
    );
  }

  has(codePoint: number): boolean {
    if (codePoint < asciiCount) return this.#ascii[codePoint] === 1;
    const known = this.#others.get(codePoint);
    if (known !== undefined) return known;
    const isIn = this.#expression.test(String.fromCodePoint(codePoint));
    if (this.#others.size >= rememberedCount) this.#others.clear();
    this.#others.set(codePoint, isIn);
    return isIn;
  }
}
