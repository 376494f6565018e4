/** The site for one machine: the guard that admits only its loopback names. */
import type { HttpBindings } from '@hono/node-server';
import { siteApp } from '@plimsoll/site-files';
import type { Hono, MiddlewareHandler } from 'hono';

export type SiteBindings = { readonly Bindings: HttpBindings };

export function localSiteApp(directory: string): Hono<SiteBindings> {
  return siteApp(directory, [ownHost]);
}

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
