/** The built site as a Hono app: the headers of every answer, and the page for unknown addresses. */
import { type Env, Hono, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { answerFile } from './file-answer.ts';
import { filePolicy, headerPolicy } from './page-policy.ts';
import { readSiteFile } from './site-files.ts';

/** The longest address that the site makes is a planner's, of about 400 characters. */
const addressCharactersMax = 4096;

/** Serves the files of a folder. `guards` see each request first; their refusals get the site's headers too. */
export function siteApp<Bindings extends Env>(
  directory: string,
  guards: readonly MiddlewareHandler<Bindings>[] = [],
): Hono<Bindings> {
  const app = new Hono<Bindings>();
  app.use(securityHeaders, ownPolicy, ...guards, readsOnly, shortAddress);
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
