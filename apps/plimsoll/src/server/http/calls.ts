/** Middleware of every call: its record, its id, and one line of log when its answer has ended. */
import { type Clock, PlimsollError } from '@plimsoll/foundation';
import type { MiddlewareHandler } from 'hono';
import type { Call, ServerEnv } from './server-env.ts';

/** One line of the log. Times are seconds. */
export interface CallLog {
  readonly time: string;
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** 499 if the client disconnected before the end of the answer. */
  readonly status: number;
  readonly seconds: number;
  readonly tenant?: string;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly outputTokens?: number;
  readonly queuedSeconds?: number;
  /** Code of the error. */
  readonly error?: string;
  /** Stack of a defect. */
  readonly stack?: string;
}

const clientLeftStatus = 499;

export interface CallOptions {
  readonly clock: Clock;
  readonly log: (line: CallLog) => void;
}

/** Creates the record of a call. The id comes from the middleware `requestId`, which runs before. */
export function recordCalls({ clock, log }: CallOptions): MiddlewareHandler<ServerEnv> {
  return async (context, next) => {
    const startedAt = clock.now();
    const left = new AbortController();
    const call: Call = {
      id: context.get('requestId'),
      signal: left.signal,
      tenant: '',
      requests: [],
      error: undefined,
      isLogged: true,
      releaseBody: () => undefined,
    };
    context.set('call', call);
    // OpenAI's clients read the id from X-Request-Id, Anthropic's from this header.
    context.header('Request-Id', call.id);
    const { outgoing } = context.env;
    outgoing.once('close', () => {
      call.releaseBody();
      const isWhole = outgoing.writableFinished;
      if (!isWhole) left.abort(clientLeft());
      if (!call.isLogged) return;
      const status = isWhole ? outgoing.statusCode : clientLeftStatus;
      log({
        time: new Date().toISOString(),
        id: call.id,
        method: context.req.method,
        path: context.req.path,
        status,
        seconds: clock.now() - startedAt,
        ...(call.tenant !== '' && { tenant: call.tenant }),
        ...usageFields(call),
        ...errorFields(call.error),
      });
    });
    await next();
  };
}

function errorFields(error: unknown): Partial<CallLog> {
  if (error === undefined) return {};
  if (error instanceof PlimsollError) return { error: error.code };
  return {
    error: 'internal-error',
    stack: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

function usageFields({ requests }: Call): Partial<CallLog> {
  const usages = requests.map(({ usage }) => usage);
  const [first] = usages;
  if (first === undefined) return {};
  const sum = (pick: (usage: (typeof usages)[number]) => number): number =>
    usages.reduce((total, usage) => total + pick(usage), 0);
  return {
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    ...(first.queuedSeconds !== null && { queuedSeconds: first.queuedSeconds }),
  };
}

function clientLeft(): PlimsollError {
  return new PlimsollError({
    code: 'client-left',
    message: 'the client closed the connection before the end of the answer',
  });
}
