/**
 * Serves the built site on this machine, for `npm start` and for the browser tests. Any file server can serve the site; this
 * server also isolates its pages from other sites and answers to the names of this machine alone.
 */
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { PlimsollError } from '@plimsoll/foundation';
import { sitePort } from '@plimsoll/registry/pages';
import { filePolicy } from '@plimsoll/site-files';
import { localSiteApp } from './site-app.ts';

/** The port in the command line's links. */
export const firstPort = sitePort;
/** The server tries this many ports after the first, so that a few copies can run. */
const portsTried = 20;

export interface RunningSite {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** Listens on the loopback address only: the first free port from `port` on, or any when `port` is 0. */
export async function startSite(directory: string, port: number = firstPort): Promise<RunningSite> {
  const app = localSiteApp(directory);
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    errorHandler: refuseRequest,
  });
  const server = createServer(listener);
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

/** Answers a request whose address cannot be read. It never reaches the app. */
function refuseRequest(): Response {
  return new Response('The request has no address that this server can read.\n', {
    status: 400,
    headers: { 'Content-Security-Policy': filePolicy, 'X-Content-Type-Options': 'nosniff' },
  });
}

/** Returns the opened port, or null if another program has it. */
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
