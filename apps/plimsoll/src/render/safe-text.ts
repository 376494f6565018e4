/**
 * Text that nobody here wrote (names in files, arguments, answers of servers, tokens of a model) made harmless for a
 * terminal: characters that move the cursor, clear the screen, rename the window or turn the order of letters round are
 * shown as signs. One character stays one character, so that columns stay columns.
 */

/**
 * C0 without tab and line feed, DEL, C1, and the embeddings, overrides and isolates of bidirectional text. The marks that
 * Arabic and Hebrew need (U+200E, U+200F, U+061C) reorder nothing beyond themselves and stay.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

const deleteCode = 0x7f;
/** Unicode has pictures of C0 at this offset: U+241B is the sign of ESC. */
const picturesStart = 0x2400;
const deletePicture = '\u2421';
const replacement = '\ufffd';

export function safeText(text: string): string {
  return text.replace(controls, signOf);
}

/** The same for a text that is one line: a line feed in a name would begin a line that the program did not write. */
export function safeLine(text: string): string {
  return safeText(text).replaceAll('\n', '\u240a').replaceAll('\t', ' ');
}

/** JSON escapes C0 by itself; the others become escapes here, so that the value that is read stays the same. */
export function safeJson(json: string): string {
  return json.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function signOf(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(picturesStart + code);
  return code === deleteCode ? deletePicture : replacement;
}
