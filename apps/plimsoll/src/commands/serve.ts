/** `plimsoll serve`: serves a model over HTTP inside a memory limit. */
import { readFileSync } from 'node:fs';
import { monotonicClock, PlimsollError, parseBytes } from '@plimsoll/foundation';
import { serverLimits, serverOptions } from '@plimsoll/planner/server-memory';
import { Command } from 'commander';
import { engineModelWords } from '../engine-model.ts';
import { addEngineFlags, type EngineFlags, type ServingOptions, startEngine } from '../engine-start.ts';
import { badValue, collected, realFlag, wholeFlag } from '../flag-values.ts';
import { printMessage } from '../output.ts';
import { serveBanner } from '../render/serve-banner.ts';
import type { Pooling } from '../server/core/pooling.ts';
import type { RunningServer } from '../server/running-server.ts';

interface ServeFlags extends EngineFlags {
  readonly host: string;
  readonly port: number;
  readonly maxSeqs: number;
  readonly waitingMax: number;
  readonly queueSeconds?: number;
  readonly drainSeconds: number;
  readonly alias?: readonly string[];
  readonly apiKeyFile?: string;
  readonly corsOrigin?: readonly string[];
  readonly hiddenStates?: number;
  readonly prefixCacheFile?: string;
  readonly pooling?: Pooling;
  readonly quiet?: boolean;
  readonly site: boolean;
}

const cutOffExitCode = 1;

export function serveCommand(done: (exitCode: number) => void): Command {
  const command = new Command('serve')
    .description('Serve a model over HTTP inside a memory limit')
    .argument('<model>', engineModelWords);
  return addEngineFlags(command)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free port', wholeFlag('--port', 0, 65_535), 8080)
    .option(
      '--max-seqs <count>',
      'sequences that are computed at once; the others wait',
      wholeFlag('--max-seqs', 1, 1024),
      8,
    )
    .option(
      '--waiting-max <count>',
      'waiting requests; the next request gets status 429',
      wholeFlag('--waiting-max', 1, 65_536),
      serverLimits.waitingMax,
    )
    .option(
      '--queue-seconds <seconds>',
      'a request that waits longer gets status 503 (default: no limit)',
      realFlag('--queue-seconds', 0.1, 86_400),
    )
    .option(
      '--drain-seconds <seconds>',
      'time for running requests to end after SIGTERM or Ctrl-C',
      realFlag('--drain-seconds', 0, 86_400),
      30,
    )
    .option('--alias <name>', 'a further name of the model in requests; may be repeated', collected)
    .option('--api-key-file <file>', 'answer only clients that send one of these keys, one per line')
    .option(
      '--cors-origin <origin>',
      'a web origin whose pages may read answers; may be repeated',
      originFlag,
    )
    .option('--no-site', 'serve the API alone, without the atlas and the live page at /live')
    .option(
      '--hidden-states <bytes>',
      'memory for hidden states in answers of /generate, such as 64MiB (default: 0, refused)',
      (text) => parseBytes(text),
    )
    .option(
      '--prefix-cache-file <file>',
      'keeps cached prompts over restarts: loaded at the start, saved at the end and by POST /v1/prefix-cache/save',
    )
    .option(
      '--pooling <rule>',
      "vectors of texts: mean or last token (default: the model's own, else last)",
      poolingFlag,
    )
    .option('--quiet', 'no log line per request')
    .addHelpText(
      'after',
      `
The server speaks OpenAI's chat and text completions, Responses and embeddings, Anthropic's Messages, ollama's API, and SGLang's
/generate.
GET /openapi.json describes every route. Log lines are JSON on standard error. SIGTERM or Ctrl-C ends the server when the
running requests have ended; a second signal ends it at once.

Example:
  plimsoll serve ./model.gguf --memory 4GiB --ctx 8k --max-seqs 16 --api-key-file keys.txt

Exit codes: 0 ok, 1 bad input, a defect, or requests that were cut off at the end, 2 does not fit into the memory.`,
    )
    .action(async (path: string, flags: ServeFlags) => {
      done(await serve(path, flags));
    });
}

/** Serves a model, and holds the lock of its prefix cache file meanwhile. */
async function serve(path: string, flags: ServeFlags): Promise<number> {
  if (flags.prefixCacheFile === undefined) return serveModel(path, flags);
  const { lockCacheFile } = await import('../server/core/cache-file-lock.ts');
  const unlock = lockCacheFile(flags.prefixCacheFile);
  try {
    return await serveModel(path, flags);
  } finally {
    unlock();
  }
}

async function serveModel(path: string, flags: ServeFlags): Promise<number> {
  const { parseApiKeys } = await import('../server/http/api-keys.ts');
  const apiKeys =
    flags.apiKeyFile === undefined ? [] : parseApiKeys(readKeys(flags.apiKeyFile), flags.apiKeyFile);
  const {
    listen,
    serveEngine,
    isLoopback,
    capacityOf,
    findSite,
    PrefixCacheFile,
    savedText,
    TemplateProcess,
  } = await serverModules();
  const site = flags.site ? findSite() : 'off';
  // The port opens first, so that a port in use is reported before the model loads.
  const http = await listen(flags.host, flags.port);
  const templates = new TemplateProcess();
  templates.start();
  try {
    const { engine, limit, loadSeconds } = await startEngine(path, flags, {
      serving: servingOptions(flags),
    });
    const signals = new StopSignals();
    try {
      const cache =
        flags.prefixCacheFile === undefined ? null : new PrefixCacheFile(engine, flags.prefixCacheFile);
      if (cache !== null) printMessage(await cache.load());
      const server = await serveEngine(http, engine, {
        clock: monotonicClock,
        log: flags.quiet === true ? () => undefined : (line) => printMessage(JSON.stringify(line)),
        apiKeys,
        corsOrigins: flags.corsOrigin ?? [],
        site,
        isLoopback: isLoopback(flags.host),
        aliases: flags.alias ?? [],
        callsMax: flags.waitingMax + flags.maxSeqs,
        limitBytes: limit.bytes,
        pooling: flags.pooling ?? null,
        templates,
        prefixCache: cache,
      });
      printMessage(
        serveBanner({
          names: server.model.names,
          url: `http://${flags.host.includes(':') ? `[${flags.host}]` : flags.host}:${http.port}`,
          ledger: engine.ledger(),
          limit,
          capacity: capacityOf(engine),
          loadSeconds,
          hasTemplate: server.model.chats.hasTemplate,
          needsKey: apiKeys.length > 0,
          hasSite: typeof site === 'object',
        }),
      );
      const exitCode = await drained(server, await signals.first, flags.drainSeconds);
      if (cache !== null) printMessage(savedText(await cache.save()));
      return exitCode;
    } finally {
      signals.close();
      await engine.close();
    }
  } finally {
    templates.close();
    await http.close();
  }
}

function servingOptions(flags: ServeFlags): ServingOptions {
  return {
    ...serverOptions(flags.waitingMax),
    sequencesMax: flags.maxSeqs,
    hiddenStatesBytes: flags.hiddenStates ?? 0,
    policy: 'fairShare',
    ...(flags.queueSeconds !== undefined && { queueSecondsMax: flags.queueSeconds }),
  };
}

/** Waits for the running requests, and returns the exit code. */
async function drained(server: RunningServer, signal: NodeJS.Signals, secondsMax: number): Promise<number> {
  const running = server.activeCount;
  printMessage(
    `${signal}: ${running === 0 ? 'no request is running' : `waiting at most ${secondsMax} s for ${requests(running)}`}`,
  );
  if (await server.drain(secondsMax)) return 0;
  printMessage(`${requests(server.activeCount)} cut off`);
  return cutOffExitCode;
}

/** The server's modules; the help and the errors of flags need none of them. */
async function serverModules() {
  const [
    { listen },
    { serveEngine },
    { isLoopback },
    { capacityOf },
    { PrefixCacheFile, savedText },
    { findSite },
    { TemplateProcess },
  ] = await Promise.all([
    import('../server/http-server.ts'),
    import('../server/running-server.ts'),
    import('../server/http/own-host.ts'),
    import('../server/capacity.ts'),
    import('../server/core/prefix-cache-file.ts'),
    import('../server/site/site-directory.ts'),
    import('@plimsoll/text/process'),
  ]);
  const cache = { PrefixCacheFile, savedText };
  return { listen, serveEngine, isLoopback, capacityOf, findSite, TemplateProcess, ...cache };
}

function requests(count: number): string {
  return count === 1 ? '1 request' : `${count} requests`;
}

/** The first SIGTERM or SIGINT asks for an orderly end; the second ends the process at once. */
class StopSignals {
  readonly first: Promise<NodeJS.Signals>;
  #resolve: (signal: NodeJS.Signals) => void = () => undefined;
  #isStopping = false;
  readonly #stop = (signal: NodeJS.Signals): void => {
    if (this.#isStopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    this.#isStopping = true;
    this.#resolve(signal);
  };

  constructor() {
    this.first = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    process.on('SIGINT', this.#stop);
    process.on('SIGTERM', this.#stop);
  }

  close(): void {
    process.off('SIGINT', this.#stop);
    process.off('SIGTERM', this.#stop);
  }
}

function readKeys(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new PlimsollError(
      {
        code: 'bad-api-keys',
        message: `the file of API keys cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        value: path,
        hint: 'openssl rand -hex 24 > keys.txt; --api-key-file keys.txt',
      },
      { cause: error },
    );
  }
}

function poolingFlag(text: string): Pooling {
  if (text === 'mean' || text === 'last') return text;
  throw badValue('--pooling', text, 'mean or last');
}

function originFlag(text: string, before: readonly string[] | undefined): readonly string[] {
  const isOrigin = text === '*' || (URL.canParse(text) && new URL(text).origin === text);
  if (isOrigin) return collected(text, before);
  throw badValue('--cors-origin', text, 'an origin such as http://localhost:3000, or *');
}
