/** The addresses of the site's links. This file alone decides their form. */
import { routeOf } from '@plimsoll/registry/pages';

/**
 * The link to a route of the site. Pages are folders, and many file servers redirect a folder's address without a final slash
 * to the address with it; the slash saves this step. `prefix` is the language's: `/de`.
 */
export function hrefOf(route: string, prefix = ''): string {
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/.exec(route) ?? [];
  return `${prefix}${path.endsWith('/') ? path : `${path}/`}${rest}`;
}

/** The link to the page of a record: `system.memory`, `model.openai/gpt-oss-20b`. */
export function recordHref(recordId: string, prefix = ''): string {
  return hrefOf(routeOf(recordId), prefix);
}

/** What `[words](target)` in messages leads to: an address of the web, a place on this page, a route, or a record. */
export function targetHref(target: string, prefix = ''): string {
  if (/^https?:/.test(target) || target.startsWith('#')) return target;
  return target.startsWith('/') ? hrefOf(target, prefix) : recordHref(target, prefix);
}
