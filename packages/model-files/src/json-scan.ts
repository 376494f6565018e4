/**
 * What JSON.parse does not tell: how deep a text is nested and of how many values it is, before it is parsed, and how many
 * keys its outermost object has, doubles included. It knows strings, escapes and brackets and leaves every other judgement to JSON.parse. It reads
 * UTF-8, in which no part of a longer character looks like one of these.
 */
export interface JsonScan {
  /** Brackets open at once. */
  readonly depth: number;
  /** Lists, objects, and what stands in them: a parsed value takes memory by this number. An upper bound. */
  readonly values: number;
  /** Colons directly inside the outermost object. */
  readonly topKeys: number;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;

export function scanJson(json: Uint8Array): JsonScan {
  let open = 0;
  let depth = 0;
  let topKeys = 0;
  let values = 1;
  for (let index = 0; index < json.length; index++) {
    switch (json[index]) {
      case quote:
        index = endOfString(json, index);
        break;
      case 0x7b: // {
      case 0x5b: // [
        open++;
        values++;
        if (open > depth) depth = open;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open--;
        break;
      case colon:
        if (open === 1) topKeys++;
        break;
      case comma:
        values++;
        break;
    }
  }
  return { depth, values, topKeys };
}

/** Index of the closing quote of the string that opens at `start`, or the end of the text. */
function endOfString(json: Uint8Array, start: number): number {
  let index = start + 1;
  for (let byte = json[index]; byte !== quote && byte !== undefined; byte = json[index]) {
    index += byte === backslash ? 2 : 1;
  }
  return index;
}
