/** Streams the text of a log of any length from a file or standard input, without keeping it. */
import { createReadStream, statSync } from 'node:fs';
import { TextDecoder } from 'node:util';
import { PlimsollError } from '@plimsoll/foundation';

/** Yields pieces of the text. A null path reads standard input. */
export async function* logPieces(path: string | null): AsyncGenerator<string, undefined> {
  let decoder: TextDecoder | null = null;
  for await (const chunk of path === null ? process.stdin : openFile(path)) {
    const bytes: Uint8Array = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
    decoder ??= new TextDecoder(encodingOf(bytes));
    yield decoder.decode(bytes, { stream: true });
  }
}

function openFile(path: string): NodeJS.ReadableStream {
  try {
    if (statSync(path).isDirectory()) throw noLog(path, 'is a directory');
  } catch (cause) {
    if (cause instanceof PlimsollError) throw cause;
    throw noLog(path, 'cannot be read', cause);
  }
  return createReadStream(path, { highWaterMark: 1024 * 1024 });
}

function noLog(path: string, problem: string, cause?: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'no-such-file',
      message: `"${path}" ${problem}`,
      value: path,
      limit: 'a log of an engine, or - for standard input',
    },
    { cause },
  );
}

/** Files that PowerShell writes by redirection are in UTF-16. */
function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}
