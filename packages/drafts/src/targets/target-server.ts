/** JSON over HTTP to a target server: deadlines, a limit on the size of answers, and errors that say whose fault it is. */
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { wordPreview } from '@plimsoll/foundation/json-preview';
import type { z } from 'zod';

export interface TargetServerOptions {
  /** Such as `http://127.0.0.1:8080`, without the path of a route. */
  readonly url: string;
  readonly apiKey: string | null;
  /** Of one request. */
  readonly secondsMax: number;
}

interface TargetCall<Value> {
  readonly route: string;
  readonly body: unknown;
  readonly schema: z.ZodType<Value>;
  readonly answerBytesMax: number;
  readonly signal: AbortSignal | undefined;
}

/** Codes of failures that belong to the prompts of a request, not to the server. */
export const promptFailureCodes: ReadonlySet<string> = new Set(['target-refused', 'target-overloaded']);

/** Status codes after which the same request can succeed. */
const overloadedStatuses: ReadonlySet<number> = new Set([408, 429, 503]);

export class TargetServer {
  readonly #options: TargetServerOptions;

  constructor(options: TargetServerOptions) {
    if (!/^https?:$/.test(URL.parse(options.url)?.protocol ?? '')) throw badUrl(options.url);
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  /**
   * Throws `target-refused` or `target-overloaded` if the server refuses the request, `target-unreachable` or
   * `target-failed` if the server does not work, and `target-answer` for an answer of an unknown form.
   */
  async post<Value>({ route, body, schema, answerBytesMax, signal }: TargetCall<Value>): Promise<Value> {
    const { url, apiKey, secondsMax } = this.#options;
    const deadline = AbortSignal.timeout(1000 * secondsMax);
    const place = `${url.replace(/\/+$/, '')}${route}`;
    let text: string;
    let status: number;
    try {
      const response = await fetch(place, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
        },
        body: JSON.stringify(body),
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      });
      status = response.status;
      text = await readText(response, { place, answerBytesMax });
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof PlimsollError ? error : unreachable(place, secondsMax, error);
    }
    if (status !== 200) throw refused(place, status, text);
    const result = schema.safeParse(parsed(text));
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw strangeAnswer(place, `${(issue?.path ?? []).join('.')}: ${issue?.message ?? 'unknown form'}`, text);
  }
}

interface AnswerLimit {
  readonly place: string;
  readonly answerBytesMax: number;
}

async function readText(response: Response, { place, answerBytesMax }: AnswerLimit): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax) throw tooLarge(place, answerBytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function badUrl(url: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-target-url',
    message: `"${wordPreview(url)}" is not the address of a server`,
    value: url,
    limit: 'an http or https URL',
    hint: 'such as http://127.0.0.1:8080',
  });
}

function unreachable(place: string, secondsMax: number, cause: unknown): PlimsollError {
  const isLate = cause instanceof Error && cause.name === 'TimeoutError';
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const problem = isLate
    ? `no answer within ${secondsMax} s`
    : inner instanceof Error
      ? inner.message
      : String(inner);
  return new PlimsollError(
    {
      code: 'target-unreachable',
      message: `${place} cannot be reached: ${problem}`,
      value: place,
      limit: isLate ? secondsMax : undefined,
      hint: 'start the target server, and check its address',
    },
    { cause },
  );
}

function refused(place: string, status: number, text: string): PlimsollError {
  const isOverloaded = overloadedStatuses.has(status);
  const isRefusal = status >= 400 && status < 500;
  const code = isOverloaded ? 'target-overloaded' : isRefusal ? 'target-refused' : 'target-failed';
  return new PlimsollError({
    code,
    message: `${place} answered with status ${status}: ${wordPreview(text)}`,
    value: status,
    limit: 200,
    hint: isRefusal ? 'read the message of the server' : 'read the log of the server',
  });
}

function strangeAnswer(place: string, problem: string, text: string): PlimsollError {
  return new PlimsollError({
    code: 'target-answer',
    message: `${place} answered in an unknown form: ${problem}`,
    value: wordPreview(text),
    hint: 'check that the address belongs to the kind of server that the recipe names',
  });
}

function tooLarge(place: string, limit: number): PlimsollError {
  return new PlimsollError({
    code: 'target-answer',
    message: `the answer of ${place} exceeds ${formatBytes(limit)}, the most that the wanted states can take`,
    value: limit,
    limit,
    hint: 'check that the address belongs to the kind of server that the recipe names',
  });
}
