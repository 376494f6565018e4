/** For tests: a server in this process, with a small random model, on a real socket. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type Engine, type EngineStart, openModel } from '@plimsoll/engine';
import { MiB, monotonicClock } from '@plimsoll/foundation';
import { TemplateProcess } from '@plimsoll/text/process';
import { fixtures } from '../../program.test-data.ts';
import type { CallLog } from '../http/calls.ts';
import { listen } from '../http-server.ts';
import { type RunningServer, type ServeOptions, serveEngine } from '../running-server.ts';

const plainTemplate =
  '{{ bos_token }}{% for message in messages %}[{{ message.role }}]{{ message.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}';

/** A template that shows tools and reasoning as Hermes and Qwen do. */
export const toolTemplate = `{% if tools %}{% for tool in tools %}{{ tool | tojson }}<tool_call>{% endfor %}{% endif %}{% for message in messages %}[{{ message.role }}]{{ message.content }}
{% for call in message.tool_calls or [] %}{{ call.function.name }}{{ call.function.arguments | tojson }}{% endfor %}{% endfor %}[assistant]{% if enable_thinking is not defined or enable_thinking %}<think>
{% endif %}`;

export interface TestServer extends RunningServer {
  readonly url: string;
  readonly engine: Engine;
  readonly logs: readonly CallLog[];
  /** Sends JSON and returns the answer. */
  post(path: string, body: unknown, options?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly options?: EngineStart['options'];
  readonly serve?: Partial<ServeOptions>;
  readonly memoryBytes?: number;
  /** Null: the model has no chat template. */
  readonly template?: string | null;
  readonly policy?: EngineStart['policy'];
}

export async function startTestServer(settings: TestServerOptions = {}): Promise<TestServer> {
  const { template = plainTemplate, memoryBytes = 512 * MiB } = settings;
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-server-'));
  const path = join(folder, 'chat-model');
  cpSync(join(fixtures, 'engine/llama-3/checkpoint'), path, { recursive: true });
  if (template !== null) writeTemplate(path, template);
  const engine = await createEngine({
    model: await openModel(path),
    memoryBytes,
    ...(settings.policy !== undefined && { policy: settings.policy }),
    options: {
      sequencesMax: 4,
      contextMax: 512,
      threads: 1,
      waitingMax: 64,
      constrainedOutput: true,
      ...settings.options,
    },
  });
  const templates = new TemplateProcess();
  const http = await listen('127.0.0.1', 0);
  const logs: CallLog[] = [];
  const server = await serveEngine(http, engine, {
    clock: monotonicClock,
    log: (line) => void logs.push(line),
    apiKeys: [],
    corsOrigins: [],
    site: 'off',
    isLoopback: true,
    aliases: ['test-model'],
    callsMax: 256,
    limitBytes: memoryBytes,
    pooling: null,
    prefixCache: null,
    templates,
    ...settings.serve,
  });
  const url = `http://127.0.0.1:${http.port}`;
  return Object.assign(server, {
    url,
    engine,
    logs,
    post: (route: string, body: unknown, options: RequestInit = {}) =>
      fetch(url + route, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...options,
        headers: { 'content-type': 'application/json', ...options.headers },
      }),
    async close() {
      await engine.close();
      await http.close();
      templates.close();
      rmSync(folder, { recursive: true });
    },
  });
}

function writeTemplate(path: string, template: string): void {
  const config = join(path, 'tokenizer_config.json');
  const parsed = JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>;
  writeFileSync(config, JSON.stringify({ ...parsed, chat_template: template }));
}

/** Waits until the condition holds; fails after five seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endAt = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > endAt) throw new Error(`it took too long until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
