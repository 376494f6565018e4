/**
 * The site in the server's app, on the same origin as the API. Its files need no API key: they hold no secret, and the live
 * page asks for the key. Paths of the API never reach the site.
 */
import { serverLimits } from '@plimsoll/planner/server-memory';
import { filePolicy, siteApp } from '@plimsoll/site-files';
import type { MiddlewareHandler } from 'hono';
import type { ServerContext, ServerEnv } from '../http/server-env.ts';
import { AnswerSlots } from './answer-slots.ts';

/** A folder with the built site; `off` if the server was started without the site, `absent` if it has not been built. */
export type SiteSource = { readonly directory: string } | 'off' | 'absent';

/** Paths that answer in every case. */
const entrances: ReadonlySet<string> = new Set(['/', '/live', '/live/']);
const apiFolders = ['/v1/', '/api/'];

export function serveSite(
  source: SiteSource,
  apiPaths: Pick<ReadonlyMap<string, string>, 'has'>,
): MiddlewareHandler<ServerEnv> {
  const site = typeof source === 'string' ? null : siteApp<ServerEnv>(source.directory);
  const slots = new AnswerSlots(serverLimits.siteAnswersMax);
  return async (context, next) => {
    const { method, path } = context.req;
    const isApi = apiFolders.some((folder) => path.startsWith(folder)) || apiPaths.has(path);
    if (isApi || (method !== 'GET' && method !== 'HEAD')) return next();
    if (site === null) return entrances.has(path) ? withoutSite(context, source === 'off') : next();
    // The site's own file says false, so that the live page knows which server it comes from.
    if (path === '/server.json') {
      context.get('call').isLogged = false;
      return context.json({ serves: true });
    }
    const release = await slots.take();
    context.env.outgoing.once('close', release);
    if (context.env.outgoing.destroyed) release();
    const answer = await site.fetch(context.req.raw, context.env);
    // Programs get the API's form of an error, browsers the site's page.
    if (answer.status === 404 && context.req.header('accept')?.includes('text/html') !== true) return next();
    context.get('call').isLogged = false;
    return answer;
  };
}

/** Tells a reader of a server without the site where the API is and how to get the pages. */
function withoutSite(context: ServerContext, isOff: boolean): Response {
  const { origin } = new URL(context.req.url);
  const reason = isOff
    ? 'The server was started with <code>--no-site</code>.'
    : 'The pages of this checkout are not built yet. Build them with <code>npm run build -- site</code> and start the server again.';
  const html = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/><title>plimsoll serve</title></head>
<body><h1>plimsoll serve</h1><p>This server answers API requests, but has no pages. ${reason}</p>
<p>The API is at <code>${escaped(origin)}/v1</code>; <a href="/openapi.json">/openapi.json</a> describes every route,
<a href="/v1/ledger">/v1/ledger</a> lists the memory, and <a href="/metrics">/metrics</a> has the counters.</p></body></html>
`;
  return context.html(html, 200, { 'Content-Security-Policy': filePolicy });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
