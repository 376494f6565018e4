/**
 * Guards a server without API keys on a loopback address. Another site can point a name of its own at this machine
 * (DNS rebinding), and a browser then lets that site's scripts read the answers. Such a request names the other site as
 * its host, so the server answers to the names of this machine alone.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { MiddlewareHandler } from 'hono';
import type { ServerEnv } from './server-env.ts';

const ownNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

export const ownHostOnly: MiddlewareHandler<ServerEnv> = async (context, next) => {
  const host = context.req.header('host') ?? '';
  const name = host.toLowerCase().replace(/:\d+$/, '');
  if (ownNames.has(name) || isLoopback(name)) return next();
  throw new PlimsollError({
    code: 'foreign-host',
    message: `this server answers to localhost, not to "${host.slice(0, 100)}"`,
    limit: 'localhost, 127.0.0.1 or [::1]',
    hint: 'start it with --api-key-file or with --host to serve other names',
  });
};
