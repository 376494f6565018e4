/** The types of the server's Hono app, and the record of one call that its middleware and routes share. */
import type { HttpBindings } from '@hono/node-server';
import type { Request as EngineRequest } from '@plimsoll/engine';
import type { Context } from 'hono';

export interface Call {
  /** The X-Request-Id of the answer. */
  readonly id: string;
  /** Aborts when the client disconnects before the end of the answer. */
  readonly signal: AbortSignal;
  /** Name of the API key that the client sent; empty without keys. */
  tenant: string;
  /** The call's requests to the engine. */
  readonly requests: EngineRequest[];
  /** The error that ended the call; undefined if there was none. */
  error: unknown;
  /** False for calls that the log leaves out. */
  isLogged: boolean;
  /** Returns the bytes of the body to the budget; called when nothing refers to the body. */
  releaseBody(): void;
}

export interface ServerEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: { readonly call: Call; readonly requestId: string };
}

export type ServerContext = Context<ServerEnv>;
