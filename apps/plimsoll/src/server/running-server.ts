/** A server with its model: opened before the model loads, served afterwards, and drained at the end. */
import type { Engine } from '@plimsoll/engine';
import type { Clock } from '@plimsoll/foundation';
import { serverLimits } from '@plimsoll/planner/server-memory';
import type { TemplateProcess } from '@plimsoll/text/process';
import { tokenizerOf } from '../conversation.ts';
import { type ApiOptions, createApi } from './api.ts';
import { openChatPrompts } from './core/chat-prompts.ts';
import { Generations } from './core/generations.ts';
import { Grammars } from './core/grammars.ts';
import { type Pooling, poolingOf } from './core/pooling.ts';
import type { PrefixCacheFile } from './core/prefix-cache-file.ts';
import type { ServedModel } from './core/served-model.ts';
import { BodyBudget } from './http/read-body.ts';
import { RequestGate } from './http/request-gate.ts';
import type { HttpServer } from './http-server.ts';
import { GenerationMeter } from './metrics/generation-meter.ts';

export interface ServeOptions extends Omit<ApiOptions, 'isLoopback'> {
  readonly isLoopback: boolean;
  readonly clock: Clock;
  /** Further names of the model. */
  readonly aliases: readonly string[];
  /** Calls that may run or wait at once. */
  readonly callsMax: number;
  readonly limitBytes: number;
  /** How embeddings pool states. Null: as the model's file states, else the last token. */
  readonly pooling: Pooling | null;
  readonly templates: TemplateProcess;
  /** Null: the prefix cache ends with the process. */
  readonly prefixCache: PrefixCacheFile | null;
}

export interface RunningServer {
  readonly model: ServedModel;
  readonly activeCount: number;
  /** Refuses new requests; resolves to true when all running requests have ended, to false after the limit. */
  drain(secondsMax: number): Promise<boolean>;
}

/** Starts to answer requests with the engine's model. The caller closes the engine and the HTTP server. */
export async function serveEngine(
  http: HttpServer,
  engine: Engine,
  options: ServeOptions,
): Promise<RunningServer> {
  const { aliases, callsMax, clock, limitBytes, templates } = options;
  const tokenizer = tokenizerOf(engine);
  const model: ServedModel = {
    engine,
    tokenizer,
    chats: await openChatPrompts(engine, tokenizer, templates),
    pooling: () => poolingOf(engine.model, options.pooling),
    names: [...new Set([...aliases, engine.model.spec.id])],
    createdAt: unixTime(),
  };
  const meter = new GenerationMeter();
  const gate = new RequestGate(callsMax);
  const core = {
    model,
    meter,
    gate,
    generations: new Generations({ engine, meter, clock }),
    grammars: new Grammars(),
    bodies: new BodyBudget(serverLimits.bodiesBytesMax),
    prefixCache: options.prefixCache,
    limitBytes,
    unixTime,
  };
  http.serve(createApi(core, options));
  return {
    model,
    get activeCount() {
      return gate.activeCount;
    },
    async drain(secondsMax) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), 1000 * secondsMax);
      });
      const drained = await Promise.race([gate.drain().then(() => true as const), late]);
      clearTimeout(timer);
      return drained;
    },
  };
}

function unixTime(): number {
  return Math.floor(Date.now() / 1000);
}
