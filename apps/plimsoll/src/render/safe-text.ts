/**
 * Makes foreign text (names in files, arguments, answers of servers, tokens of a model) harmless for a terminal. Signs
 * replace characters that move the cursor, clear the screen, rename the window or reverse the order of letters. Each
 * character is replaced by one sign, so that columns stay aligned.
 */

/**
 * C0 without tab and line feed, DEL, C1, and the embeddings, overrides and isolates of bidirectional text. The marks
 * that Arabic and Hebrew need (U+200E, U+200F, U+061C) do not reorder other text and stay.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression searches for control characters.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

const deleteCode = 0x7f;
/** Unicode has pictures of C0 characters from this offset on: U+241B is the picture of ESC. */
const picturesStart = 0x2400;
const deletePicture = '\u2421';
const replacement = '\ufffd';

export function safeText(text: string): string {
  return text.replace(controls, signOf);
}

/** Like safeText, for a single line: a line feed in a name would start a line that looks like the program's own. */
export function safeLine(text: string): string {
  return safeText(text).replaceAll('\n', '\u240a').replaceAll('\t', ' ');
}

/** JSON.stringify escapes C0. This function escapes the other characters, so that a reader gets the same value. */
export function safeJson(json: string): string {
  return json.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function signOf(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(picturesStart + code);
  return code === deleteCode ? deletePicture : replacement;
}
