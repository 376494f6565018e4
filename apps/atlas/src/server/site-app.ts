/** The site as a Hono app: the requests that it accepts, and the headers of every answer. */
import type { HttpBindings } from '@hono/node-server';
import { Hono, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { filePolicy, headerPolicy } from '../site/content-policy.ts';
import { answerFile } from './file-answer.ts';
import { readSiteFile } from './site-files.ts';

export type SiteBindings = { readonly Bindings: HttpBindings };

/** The longest address that the site makes is a planner's, of about 400 characters. */
const addressCharactersMax = 4096;

export function siteApp(directory: string): Hono<SiteBindings> {
  const app = new Hono<SiteBindings>();
  app.use(securityHeaders, ownPolicy, ownHost, readsOnly, shortAddress);
  app.get('*', async (context) => {
    const file = await readSiteFile(directory, context.req.path);
    return file === null ? context.notFound() : answerFile(context, file);
  });
  app.notFound(async (context) => {
    const page = await readSiteFile(directory, '/404.html');
    if (page === null) return context.text('Not found', 404);
    const html = new TextDecoder().decode(page.bytes);
    return context.html(html, 404, { 'Content-Security-Policy': headerPolicy(html) });
  });
  app.onError((_, context) => context.text('The server could not read this file.\n', 500));
  return app;
}

/** Without opener and embedder policies a browser gives WebAssembly no threads. */
const securityHeaders: MiddlewareHandler = secureHeaders({
  crossOriginOpenerPolicy: 'same-origin',
  crossOriginEmbedderPolicy: 'require-corp',
  crossOriginResourcePolicy: 'same-origin',
  referrerPolicy: 'no-referrer',
  xFrameOptions: 'DENY',
  // Of the features that every browser knows: for another name Chromium writes an error into the console.
  permissionsPolicy: { camera: [], microphone: [], geolocation: [], payment: [], usb: [], serial: [] },
  // Only a browser that came by https may remember to come so again; this server has none.
  strictTransportSecurity: false,
});

const ownPolicy: MiddlewareHandler = async (context, next) => {
  await next();
  if (!context.res.headers.has('Content-Security-Policy'))
    context.header('Content-Security-Policy', filePolicy);
};

/**
 * Another site can point a name of its own at this address (DNS rebinding). A browser then lets that site's scripts read the
 * answers. Such a request has the other site's name as its host, so the server answers to the names of this machine alone.
 */
const ownHost: MiddlewareHandler<SiteBindings> = async (context, next) => {
  const port = context.env.incoming.socket.localPort ?? 0;
  const names = ['localhost', '127.0.0.1', '[::1]'];
  const hosts = names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  const host = context.req.header('host')?.toLowerCase() ?? '';
  // An address in absolute form names a host of its own.
  const isOwn = hosts.includes(host) && hosts.includes(new URL(context.req.url).host);
  if (isOwn) return next();
  return context.text(
    `This server answers to ${hosts.slice(0, 2).join(' and ')} alone, not to "${host.slice(0, 100)}": open http://localhost:${port}/\n`,
    421,
  );
};

const readsOnly: MiddlewareHandler = async (context, next) => {
  const { method } = context.req;
  if (method === 'GET' || method === 'HEAD') return next();
  return context.text(
    `The site is read with GET and HEAD; ${method.slice(0, 20)} changes nothing here.\n`,
    405,
    {
      Allow: 'GET, HEAD',
    },
  );
};

const shortAddress: MiddlewareHandler = async (context, next) => {
  const { length } = context.req.url;
  if (length <= addressCharactersMax) return next();
  return context.text(
    `An address of ${length} characters is too long: this server reads ${addressCharactersMax}.\n`,
    414,
  );
};
