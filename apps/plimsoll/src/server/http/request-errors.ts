/** Errors of a request: their codes, and the HTTP status of each code. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Call } from './server-env.ts';

/** An error about one field of the body. */
export class InvalidField extends PlimsollError {
  /** Path of the field, such as `messages.0.content`. */
  readonly param: string;

  constructor(
    param: string,
    problem: string,
    details: { readonly code?: string; readonly hint?: string } = {},
  ) {
    const { code = 'invalid-field', hint } = details;
    super({ code, message: `${param}: ${problem}`, ...(hint !== undefined && { hint }) });
    this.param = param;
  }
}

/** The engine's error about a prompt that leaves no room for an answer, with the numbers that some APIs report. */
export class ContextOverflow extends PlimsollError {
  readonly promptTokens: number;
  readonly contextMax: number;

  constructor(cause: PlimsollError, sizes: { readonly promptTokens: number; readonly contextMax: number }) {
    super(cause, { cause });
    this.promptTokens = sizes.promptTokens;
    this.contextMax = sizes.contextMax;
  }
}

/** Statuses of codes. Every other PlimsollError is about the request and has status 400. */
const statuses: Readonly<Record<string, number>> = {
  unauthorized: 401,
  'unknown-model': 404,
  'unknown-route': 404,
  'wrong-method': 405,
  'slow-request': 408,
  'body-too-large': 413,
  'body-not-json': 415,
  'foreign-host': 421,
  'queue-full': 429,
  'grammars-busy': 429,
  'hidden-states-busy': 429,
  'headers-too-large': 431,
  'internal-error': 500,
  'engine-broken': 500,
  'prefix-cache-unsaved': 500,
  'bodies-busy': 503,
  'server-loading': 503,
  'server-draining': 503,
  'queued-too-long': 503,
  'engine-closed': 503,
};

/** Seconds after which a client may try again, for the codes that pass by themselves. */
const retrySeconds: Readonly<Record<string, number>> = {
  'queue-full': 2,
  'grammars-busy': 2,
  'hidden-states-busy': 2,
  'bodies-busy': 1,
  'server-loading': 2,
  'server-draining': 5,
  'queued-too-long': 5,
};

export interface Failure {
  readonly status: number;
  readonly error: PlimsollError;
  /** Null unless the client should try again. */
  readonly retryAfterSeconds: number | null;
}

/** Records the error that ended a call. */
export function failCall(call: Call, error: unknown): Failure {
  call.error ??= error;
  return failureOf(error);
}

/** The answer to a defect has no details; they are in the server's log. */
export function failureOf(error: unknown): Failure {
  const known = error instanceof PlimsollError ? error : defect();
  return {
    status: statuses[known.code] ?? 400,
    error: known,
    retryAfterSeconds: retrySeconds[known.code] ?? null,
  };
}

function defect(): PlimsollError {
  return new PlimsollError({
    code: 'internal-error',
    message: 'the server failed to answer; its log has the details under the X-Request-Id of this answer',
  });
}
