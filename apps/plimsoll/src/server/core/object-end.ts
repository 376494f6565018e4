/**
 * Finds the end of a JSON object in a text that arrives in pieces, by its strings and brackets alone. A `<` outside a
 * string is no JSON and ends a malformed object: the marker after a call starts with it.
 */
export class ObjectEnd {
  #depth = 0;
  #inString = false;
  #isEscaped = false;

  /** Returns the index after the object; null if the object continues after this piece. */
  find(piece: string): number | null {
    for (let index = 0; index < piece.length; index++) {
      const character = piece[index];
      if (this.#inString) this.#readString(character);
      else if (character === '"') this.#inString = true;
      else if (character === '{' || character === '[') this.#depth++;
      else if (character === '<') return index;
      else if (character === '}' || character === ']') {
        this.#depth--;
        if (this.#depth <= 0) return index + 1;
      }
    }
    return null;
  }

  #readString(character: string | undefined): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (character === '\\') this.#isEscaped = true;
    else if (character === '"') this.#inString = false;
  }
}
