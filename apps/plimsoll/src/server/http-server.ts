/** The HTTP server around the app: limits on connections, headers and times, and an orderly end. */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { KiB, PlimsollError } from '@plimsoll/foundation';
import { serverLimits } from '@plimsoll/planner/server-memory';
import type { Hono } from 'hono';
import { openaiError } from './http/error-forms.ts';
import { failureOf } from './http/request-errors.ts';
import type { ServerEnv } from './http/server-env.ts';

const headerBytesMax: number = 16 * KiB;
/** A client has this long to send the headers, and the whole request. */
const headersMilliseconds = 15_000;
const requestMilliseconds = 60_000;
/** An idle connection stays open a little longer than the idle time of most load balancers. */
const keepAliveMilliseconds = 75_000;
const closingMilliseconds = 1000;

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Answers requests with this app from now on. */
  serve(app: Hono<ServerEnv>): void;
  /** Closes the port, idle connections at once and the others after a second, in which they send what is left. */
  close(): Promise<void>;
}

/** Opens the port. Until `serve` is called, every request gets status 503. */
export async function listen(host: string, port: number): Promise<HttpServer> {
  let app: Hono<ServerEnv> | null = null;
  const loading = failureOf(serverLoading());
  const listener = getRequestListener(
    (request, env) =>
      app?.fetch(request, env) ??
      Response.json(openaiError(loading), { status: loading.status, headers: { 'Retry-After': '2' } }),
    { errorHandler: unreadableAddress },
  );
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersMilliseconds,
      requestTimeout: requestMilliseconds,
      keepAliveTimeout: keepAliveMilliseconds,
      noDelay: true,
    },
    listener,
  );
  server.maxConnections = serverLimits.connectionsMax;
  server.on('clientError', answerClientError);
  return {
    host,
    port: await open(server, host, port),
    serve(served) {
      app = served;
    },
    close: () =>
      new Promise((resolve) => {
        const cutOff = setTimeout(() => server.closeAllConnections(), closingMilliseconds);
        server.close(() => {
          clearTimeout(cutOff);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function open(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const problems: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
    EADDRINUSE: ['another program listens there', `--port ${port + 1}, or end that program`],
    EACCES: ['this user may not open the port', '--port 8080'],
    EADDRNOTAVAIL: ['this machine has no such address', '--host 0.0.0.0 for every address of this machine'],
    ENOTFOUND: ['the name has no address', '--host 127.0.0.1'],
  };
  const [problem, hint] = problems[error.code ?? ''] ?? [error.message, '--host 127.0.0.1 --port 8080'];
  return new PlimsollError(
    {
      code: 'cannot-listen',
      message: `the server cannot listen on ${host}, port ${port}: ${problem}`,
      value: port,
      hint,
    },
    { cause: error },
  );
}

/** Answers requests that Node's parser refuses: they never reach the app. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const failure = failureOf(parserError(error.code));
  const body = JSON.stringify(openaiError(failure));
  socket.end(
    `HTTP/1.1 ${failure.status} ${failure.status === 431 ? 'Request Header Fields Too Large' : 'Bad Request'}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function parserError(code: string | undefined): PlimsollError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new PlimsollError({
      code: 'headers-too-large',
      message: `the headers have more than ${headerBytesMax} bytes`,
      limit: headerBytesMax,
      hint: 'send the prompt in the body',
    });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new PlimsollError({
      code: 'slow-request',
      message: 'the request did not arrive in time',
      limit: `${headersMilliseconds / 1000} s for the headers, ${requestMilliseconds / 1000} s for the whole request`,
      hint: 'send it faster',
    });
  }
  return new PlimsollError({ code: 'bad-http', message: 'the request is not HTTP', hint: 'send HTTP/1.1' });
}

function unreadableAddress(): Response {
  const failure = failureOf(
    new PlimsollError({
      code: 'bad-address',
      message: 'the request has no address that this server can read',
      hint: 'send a path such as /v1/models and the header Host',
    }),
  );
  return Response.json(openaiError(failure), { status: failure.status });
}

function serverLoading(): PlimsollError {
  return new PlimsollError({
    code: 'server-loading',
    message: 'the model is still loading',
    hint: 'try again; GET /ready answers 200 when the model is loaded',
  });
}
