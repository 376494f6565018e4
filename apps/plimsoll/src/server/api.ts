/** The server's app: its middleware, its routes, and the form of its errors. */
import type { Clock } from '@plimsoll/foundation';
import { PlimsollError } from '@plimsoll/foundation';
import { Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { requestId } from 'hono/request-id';
import { addAnthropicRoutes } from './anthropic/anthropic-routes.ts';
import type { ServerCore } from './core/server-core.ts';
import { requireApiKey } from './http/api-keys.ts';
import { type CallLog, recordCalls } from './http/calls.ts';
import { errorFormOf } from './http/error-forms.ts';
import { ownHostOnly } from './http/own-host.ts';
import { failCall } from './http/request-errors.ts';
import type { ServerContext, ServerEnv } from './http/server-env.ts';
import { addLlamaCppRoutes } from './llama-cpp/llama-cpp-routes.ts';
import { addOllamaRoutes } from './ollama/ollama-routes.ts';
import { addOpenaiRoutes } from './openai/openai-routes.ts';
import { openApiDocument } from './openapi.ts';
import { addOperationRoutes } from './operations/operation-routes.ts';
import { Routes } from './routes.ts';
import { addSglangRoutes } from './sglang/sglang-routes.ts';
import { type SiteSource, serveSite } from './site/mounted-site.ts';

export interface ApiOptions {
  readonly clock: Clock;
  readonly log: (line: CallLog) => void;
  /** Empty: every client may use the server. */
  readonly apiKeys: readonly string[];
  /** Origins of web pages that may read answers. Empty: none. */
  readonly corsOrigins: readonly string[];
  readonly site: SiteSource;
  /** True for an address of this machine alone: requests must name it as their host. */
  readonly isLoopback: boolean;
}

/** Paths that answer without an API key, for the programs that watch the server. */
const openPaths: ReadonlySet<string> = new Set(['/health', '/v1/health', '/ready']);

export function createApi(core: ServerCore, options: ApiOptions): Hono<ServerEnv> {
  const { apiKeys, corsOrigins, isLoopback } = options;
  const app = new Hono<ServerEnv>();
  app.use(requestId({ limitLength: 128 }) as MiddlewareHandler<ServerEnv>, recordCalls(options));
  if (isLoopback && apiKeys.length === 0) app.use(ownHostOnly);
  const methods = new Map<string, string>();
  app.use(serveSite(options.site, methods));
  if (corsOrigins.length > 0) app.use(cors({ origin: [...corsOrigins] }));
  if (apiKeys.length > 0) app.use(requireApiKey(apiKeys, openPaths));
  const routes = new Routes(app, core);
  addOpenaiRoutes(routes, core);
  addAnthropicRoutes(routes);
  addOllamaRoutes(routes, core);
  addSglangRoutes(routes);
  addLlamaCppRoutes(routes, core);
  addOperationRoutes(routes, core);
  app.get('/openapi.json', (context) =>
    context.json(openApiDocument(routes.descriptions, apiKeys.length > 0)),
  );
  for (const { path, method } of routes.descriptions) methods.set(path, method.toUpperCase());
  app.notFound((context) => {
    const method = methods.get(context.req.path);
    return failed(context, method === undefined ? unknownRoute(context) : wrongMethod(context, method));
  });
  app.onError((error, context) => failed(context, error));
  return app;
}

function failed(context: ServerContext, error: unknown): Response {
  const failure = failCall(context.get('call'), error);
  const { status, retryAfterSeconds } = failure;
  if (retryAfterSeconds !== null) context.header('Retry-After', String(retryAfterSeconds));
  // The rest of a body that was refused is not read.
  if (status === 413) context.header('Connection', 'close');
  const body = errorFormOf(context.req.path).body(failure, context.get('call').id);
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', ...Object.fromEntries(context.res.headers) },
  });
}

function unknownRoute({ req: { method, path } }: ServerContext): PlimsollError {
  return new PlimsollError({
    code: 'unknown-route',
    message: `there is no ${method} ${path.slice(0, 200)}`,
    hint: 'GET /openapi.json lists every route',
  });
}

function wrongMethod(context: ServerContext, method: string): PlimsollError {
  context.header('Allow', method);
  return new PlimsollError({
    code: 'wrong-method',
    message: `${context.req.path} has no method ${context.req.method.slice(0, 20)}`,
    limit: method,
    hint: `send ${method}`,
  });
}
