/**
 * Renders chat templates in a child process. A template is a program from a model file. The child has a deadline and a heap
 * limit, so that no template can hang or exhaust the program, and the main process still handles Ctrl-C. A worker thread
 * would start sooner, but V8 aborts the whole process when one operation on a text (a split, a replacement) overruns the
 * heap of a worker.
 *
 * The child takes some 60 ms to start: start it while weights load.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ErrorDetails, PlimsollError } from '@plimsoll/foundation';
import type { ChatInput, RenderedChat, TemplateTokens } from '../chat/chat-template.ts';

export const templateProcessLimits = {
  /** Of one rendering; a conversation of 1,000 messages takes a tenth of a second. */
  seconds: 2,
  /**
   * Seconds of the tries of one rendering. On a busy machine the process gets a part of the time: a rendering that used
   * less than half of `seconds` of a processor is tried again with more time.
   */
  trySeconds: [2, 4, 8],
  /** A text of a million characters takes about 20 MiB on its way. */
  heapMebibytes: 64,
} as const;

/** The process stops itself at the limit; it is killed when one operation keeps it from doing so. */
const graceSeconds = 1;

export interface TemplateJob {
  /** For errors: which template it is. */
  readonly name: string;
  readonly source: string;
  readonly tokens: TemplateTokens;
  readonly input: ChatInput;
}

export type TemplateAnswer =
  | { readonly kind: 'rendered'; readonly rendered: RenderedChat }
  | { readonly kind: 'refused'; readonly details: ErrorDetails }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly problem: string };

interface Running {
  readonly child: ChildProcess;
  readonly ready: Promise<unknown>;
  /** Resolves when the process ends by itself: with its signal or its exit code. */
  readonly ended: Promise<string>;
}

export class TemplateProcess {
  #running: Running | null = null;
  /** Renderings wait for each other. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #kill = (): void => void this.#running?.child.kill('SIGKILL');

  /** Begins to start the process; the first rendering waits for what is left of that. */
  start(): void {
    if (this.#running !== null) return;
    const running = startChild();
    this.#running = running;
    process.once('exit', this.#kill);
    running.ended.then(() => {
      if (this.#running === running) this.#forget();
    });
  }

  /** Throws what ChatTemplate throws, and `chat-template-limit` when the process was stopped. */
  render(job: TemplateJob, signal?: AbortSignal): Promise<RenderedChat> {
    const act = (): Promise<RenderedChat> => this.#render(job, signal);
    const rendering = this.#last.then(act, act);
    this.#last = rendering;
    return rendering;
  }

  close(): void {
    this.#kill();
    this.#forget();
  }

  #forget(): void {
    this.#running = null;
    process.off('exit', this.#kill);
  }

  async #render(job: TemplateJob, signal: AbortSignal | undefined): Promise<RenderedChat> {
    signal?.throwIfAborted();
    this.start();
    const answer = await this.#answer(this.#running as Running, job, signal);
    if (answer.kind === 'rendered') return answer.rendered;
    if (answer.kind === 'refused') throw new PlimsollError(answer.details);
    if (answer.kind === 'late') throw tooLate(job);
    throw new Error(`rendering failed: ${answer.problem}`);
  }

  /** Stops a process that does not answer. */
  async #answer(
    { child, ready, ended }: Running,
    job: TemplateJob,
    signal: AbortSignal | undefined,
  ): Promise<TemplateAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<TemplateAnswer>();
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    ended.then((how) => reject(stopped(job, how)));
    let timer: NodeJS.Timeout | undefined;
    child.ref();
    child.channel?.ref();
    try {
      await Promise.race([ready, promise]);
      const waitSeconds = templateProcessLimits.trySeconds.reduce((sum, one) => sum + one, graceSeconds);
      timer = setTimeout(() => reject(tooLate(job)), 1000 * waitSeconds);
      child.once('message', resolve);
      child.send(job);
      return await promise;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      child.off('message', resolve);
      signal?.removeEventListener('abort', abort);
      release(child);
    }
  }
}

function startChild(): Running {
  // Beside this file, which is JavaScript in a built program.
  const isSource = import.meta.url.endsWith('.ts');
  const entry = new URL(`./template-process-entry.${isSource ? 'ts' : 'js'}`, import.meta.url);
  const child = fork(fileURLToPath(entry), {
    execArgv: [`--max-old-space-size=${templateProcessLimits.heapMebibytes}`, '--max-semi-space-size=4'],
    serialization: 'advanced',
    // What V8 says when it runs out of memory is for no reader.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ready = new Promise((resolve) => child.once('message', resolve));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  // A message that crosses the end of the process is answered by `ended`.
  child.on('error', () => {});
  release(child);
  return { child, ready, ended };
}

/** Lets the program end while the process waits. */
function release(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}

function stopped(job: TemplateJob, how: string): PlimsollError {
  const { heapMebibytes } = templateProcessLimits;
  const isMemory = how === 'SIGABRT' || how === 'exit code 134';
  return overLimit(
    job,
    isMemory ? `takes more than ${heapMebibytes} MiB` : `ended its process (${how})`,
    `${heapMebibytes} MiB`,
  );
}

function tooLate(job: TemplateJob): PlimsollError {
  const { seconds } = templateProcessLimits;
  return overLimit(job, `runs for more than ${seconds} seconds`, `${seconds} s`);
}

function overLimit({ name, source }: TemplateJob, problem: string, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'chat-template-limit',
    message: `the chat template "${name}" of ${source.length} characters ${problem}`,
    value: name,
    limit,
    hint: 'the template is broken or was made to be slow: leave it out with --raw',
  });
}
