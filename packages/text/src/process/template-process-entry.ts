/**
 * What runs in the process of chat templates: each message is a job, each answer its text. The deadline is kept here too, by
 * V8's own watchdog: a process whose parent was killed must not render on.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { ChatTemplate, type RenderedChat } from '../chat/chat-template.ts';
import { isTimeout, withDeadline } from './deadline.ts';
import { type TemplateAnswer, type TemplateJob, templateProcessLimits } from './template-process.ts';

/** The turns of a chat render the same template. */
let last: { readonly source: string; readonly template: ChatTemplate } | null = null;

function render({ source, tokens, input }: TemplateJob): RenderedChat {
  if (last?.source !== source) last = { source, template: new ChatTemplate(source, tokens) };
  return last.template.render(input);
}

function answer(job: TemplateJob): TemplateAnswer {
  try {
    return { kind: 'rendered', rendered: withDeadline(() => render(job), templateProcessLimits) };
  } catch (error) {
    if (error instanceof PlimsollError) return { kind: 'refused', details: error.toJSON() };
    return isTimeout(error) ? { kind: 'late' } : { kind: 'failed', problem: String(error) };
  }
}

process.on('message', (job: TemplateJob) => process.send?.(answer(job)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
