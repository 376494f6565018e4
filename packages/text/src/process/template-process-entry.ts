/**
 * What runs in the process of chat templates: each message is a job, each answer its text. The deadline is kept here too, by
 * V8's own watchdog: a process whose parent was killed must not render on.
 */
import { Script } from 'node:vm';
import { PlimsollError } from '@plimsoll/foundation';
import { ChatTemplate, type RenderedChat } from '../chat/chat-template.ts';
import { type TemplateAnswer, type TemplateJob, templateProcessLimits } from './template-process.ts';

/** The turns of a chat render the same template. */
let last: { readonly source: string; readonly template: ChatTemplate } | null = null;

function render({ source, tokens, input }: TemplateJob): RenderedChat {
  if (last?.source !== source) last = { source, template: new ChatTemplate(source, tokens) };
  return last.template.render(input);
}

const call = new Script('globalThis.plimsollRender()');

/** `act` under a deadline: only what a script calls can be stopped. */
function withDeadline<Result>(act: () => Result): Result {
  Object.assign(globalThis, { plimsollRender: act });
  const { seconds, trySeconds } = templateProcessLimits;
  for (const [index, limitSeconds] of trySeconds.entries()) {
    const before = process.cpuUsage();
    try {
      return call.runInThisContext({ timeout: 1000 * limitSeconds }) as Result;
    } catch (error) {
      const { user, system } = process.cpuUsage(before);
      const wasBusy = (user + system) / 1e6 >= seconds / 2;
      if (!isTimeout(error) || wasBusy || index === trySeconds.length - 1) throw error;
    }
  }
  throw new TypeError('there is at least one try');
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

function answer(job: TemplateJob): TemplateAnswer {
  try {
    return { kind: 'rendered', rendered: withDeadline(() => render(job)) };
  } catch (error) {
    if (error instanceof PlimsollError) return { kind: 'refused', details: error.toJSON() };
    return isTimeout(error) ? { kind: 'late' } : { kind: 'failed', problem: String(error) };
  }
}

process.on('message', (job: TemplateJob) => process.send?.(answer(job)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
