/** Adds routes to the app. One description serves the check of the body, the OpenAPI document and the limits. */
import type { Hono } from 'hono';
import type { z } from 'zod';
import type { ServerCore } from './core/server-core.ts';
import { readJsonBody } from './http/read-body.ts';
import { readFields } from './http/read-fields.ts';
import type { ServerContext, ServerEnv } from './http/server-env.ts';
import type { RouteDescription } from './openapi.ts';

type Answer = Response | Promise<Response>;

export type GetRoute = Omit<RouteDescription, 'method' | 'request'>;

export interface PostRoute<Schema extends z.ZodType> extends Omit<RouteDescription, 'method'> {
  readonly request: Schema;
  readonly handle: (core: ServerCore, context: ServerContext, body: z.output<Schema>) => Answer;
}

export class Routes {
  readonly descriptions: RouteDescription[] = [];
  readonly #app: Hono<ServerEnv>;
  readonly #core: ServerCore;

  constructor(app: Hono<ServerEnv>, core: ServerCore) {
    this.#app = app;
    this.#core = core;
  }

  get(route: GetRoute, handle: (context: ServerContext) => Answer): void {
    this.descriptions.push({ ...route, method: 'get' });
    this.#app.get(route.path, handle);
  }

  /** The gate counts the call until its answer has ended, so that a drain waits for it. */
  post<Schema extends z.ZodType>({ handle, ...route }: PostRoute<Schema>): void {
    this.descriptions.push({ ...route, method: 'post' });
    const core = this.#core;
    this.#app.post(route.path, async (context) => {
      core.gate.refuseWhileDraining();
      // A client that sends its body slowly takes no place among the calls.
      const body = await readJsonBody(context, core.bodies);
      // After a disconnect no event would end the call.
      context.get('call').signal.throwIfAborted();
      context.env.outgoing.once('close', core.gate.enter());
      return handle(core, context, readFields(route.request, body));
    });
  }
}
