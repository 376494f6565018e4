/**
 * Reads JSON bodies within limits. One body has a maximum size, and all bodies that the server holds share a budget,
 * so that many large requests cannot exhaust the process.
 */
import { formatBytes, MiB, PlimsollError } from '@plimsoll/foundation';
import type { ServerContext } from './server-env.ts';

const bodyBytesMax: number = 8 * MiB;
const nestingMax = 300;

export class BodyBudget {
  readonly #totalBytes: number;
  #heldBytes = 0;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  /** Opens the account of one body. */
  open(): BodyAccount {
    let heldBytes = 0;
    return {
      add: (sizeBytes) => {
        if (this.#heldBytes + sizeBytes > this.#totalBytes) throw this.#busy(sizeBytes);
        this.#heldBytes += sizeBytes;
        heldBytes += sizeBytes;
      },
      release: () => {
        this.#heldBytes -= heldBytes;
        heldBytes = 0;
      },
    };
  }

  #busy(sizeBytes: number): PlimsollError {
    return new PlimsollError({
      code: 'bodies-busy',
      message: `the server holds ${formatBytes(this.#heldBytes)} of request bodies; ${formatBytes(sizeBytes)} more exceed its limit`,
      value: sizeBytes,
      limit: this.#totalBytes - this.#heldBytes,
      hint: 'send the request again when others have been read',
    });
  }
}

/** The bytes of one body that have arrived. */
interface BodyAccount {
  /** Throws code `bodies-busy` if the budget has no room. */
  add(sizeBytes: number): void;
  release(): void;
}

/** Reads and parses the body. The budget holds its bytes until `call.releaseBody`. */
export async function readJsonBody(context: ServerContext, budget: BodyBudget): Promise<unknown> {
  refuseOtherTypes(context.req.header('content-type'));
  const declaredBytes = Number(context.req.header('content-length') ?? 0);
  if (declaredBytes > bodyBytesMax) throw tooLarge(declaredBytes);
  const account = budget.open();
  context.get('call').releaseBody = account.release;
  const value = parseJson(decode(await readBytes(context.req.raw.body, account)));
  refuseDeepNesting(value);
  return value;
}

/** A web page can send other types to this machine without asking the server first (CORS). */
function refuseOtherTypes(type: string | undefined): void {
  if (type !== undefined && /^application\/(?:[a-z.-]+\+)?json\s*(?:;|$)/i.test(type)) return;
  throw new PlimsollError({
    code: 'body-not-json',
    message:
      type === undefined ? 'the request has no Content-Type' : `the body has type "${type.slice(0, 80)}"`,
    limit: 'application/json',
    hint: "send the header Content-Type: application/json; with curl: -H 'content-type: application/json'",
  });
}

async function readBytes(body: ReadableStream<Uint8Array> | null, account: BodyAccount): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (body !== null) {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > bodyBytesMax) throw tooLarge(size);
      account.add(chunk.byteLength);
      chunks.push(chunk);
    }
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PlimsollError({
      code: 'body-not-utf8',
      message: 'the body is not valid UTF-8',
      limit: 'JSON in UTF-8',
      hint: 'encode the body as UTF-8',
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PlimsollError(
      {
        code: 'body-not-valid-json',
        message: `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
        hint: 'send one JSON object',
      },
      { cause: error },
    );
  }
}

/** Later readers recurse over the value: the template process's channel and JSON writers. */
function refuseDeepNesting(value: unknown): void {
  const open: { readonly inner: unknown; readonly depth: number }[] = [{ inner: value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { inner, depth } = next;
    if (typeof inner !== 'object' || inner === null) continue;
    if (depth >= nestingMax) {
      throw new PlimsollError({
        code: 'body-too-deep',
        message: `the body nests values more than ${nestingMax} levels deep`,
        value: `${nestingMax}+`,
        limit: nestingMax,
        hint: 'send a flatter body',
      });
    }
    for (const child of Object.values(inner)) open.push({ inner: child, depth: depth + 1 });
  }
}

function tooLarge(sizeBytes: number): PlimsollError {
  return new PlimsollError({
    code: 'body-too-large',
    message: `the body has ${formatBytes(sizeBytes)}; the server reads at most ${formatBytes(bodyBytesMax)}`,
    value: sizeBytes,
    limit: bodyBytesMax,
    hint: 'send a shorter prompt, or fewer prompts per request',
  });
}
