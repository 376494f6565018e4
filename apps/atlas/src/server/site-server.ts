/**
 * Serves the built site on this machine: what `npm start` runs, and what browser tests read. Any file server could; this
 * one also sends the two headers that isolate the page, without which a browser gives WebAssembly no threads.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { PlimsollError } from '@plimsoll/foundation';
import { sitePort } from '@plimsoll/registry/pages';
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { secureHeaders } from 'hono/secure-headers';

/** Where the command line's links lead. */
export const firstPort = sitePort;
/** How many ports are tried after the first: enough for a few copies side by side. */
const portsTried = 20;

export interface RunningSite {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

function siteApp(directory: string): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      crossOriginOpenerPolicy: 'same-origin',
      crossOriginEmbedderPolicy: 'require-corp',
      crossOriginResourcePolicy: 'same-origin',
      referrerPolicy: 'no-referrer',
      // Only a browser that came by https may remember to come so again; this server has none.
      strictTransportSecurity: false,
    }),
  );
  app.use(compress());
  // Files under _astro carry the hash of what they hold in their names.
  app.use('/_astro/*', async (context, next) => {
    await next();
    if (context.res.ok) context.header('Cache-Control', 'public, max-age=31536000, immutable');
  });
  app.use(serveStatic({ root: directory }));
  app.notFound((context) => {
    const page = join(directory, '404.html');
    return existsSync(page) ? context.html(readFileSync(page, 'utf8'), 404) : context.text('Not found', 404);
  });
  return app;
}

/** Listens on the loopback address only: the first free port from `port` on, or any when `port` is 0. */
export async function startSite(directory: string, port: number = firstPort): Promise<RunningSite> {
  const server = createServer(getRequestListener(siteApp(directory).fetch));
  for (let offset = 0; offset <= portsTried; offset++) {
    const found = await listen(server, port === 0 ? 0 : port + offset);
    if (found === null) continue;
    return {
      port: found,
      url: `http://localhost:${found}`,
      close: () =>
        new Promise((resolve, reject) => {
          server.close((error) => (error === undefined ? resolve() : reject(error)));
          server.closeAllConnections();
        }),
    };
  }
  throw new PlimsollError({
    code: 'no-free-port',
    message: `no port from ${port} to ${port + portsTried} is free`,
    value: port,
    hint: 'end one of the programs that listen there, or name another port: npm start -- --port 8080',
  });
}

/** The port that was opened, or null when another program has it. */
function listen(server: Server, port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    };
    server.once('error', fail);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', fail);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
