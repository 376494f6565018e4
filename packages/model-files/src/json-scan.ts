/**
 * Scans JSON before JSON.parse: the depth of nesting, the number of values, and the number of keys of the outermost
 * object, duplicates included. The scan knows strings, escapes and brackets; JSON.parse finds every other fault. It
 * reads UTF-8, in which no byte of a longer character equals a quote, a bracket or a backslash.
 */
export interface JsonScan {
  /** Maximum number of brackets that are open at once. */
  readonly depth: number;
  /** Upper bound on the lists, objects and their members; the memory of a parsed value grows with this number. */
  readonly values: number;
  /** Number of colons directly inside the outermost object. */
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

/** Finds the closing quote of the string that opens at `start`. Returns its index, or the end of the text. */
function endOfString(json: Uint8Array, start: number): number {
  let index = start + 1;
  for (let byte = json[index]; byte !== quote && byte !== undefined; byte = json[index]) {
    index += byte === backslash ? 2 : 1;
  }
  return index;
}
