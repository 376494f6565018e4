/** Asks the planner's worker for the island. This module starts the worker; it loads when a reader first touches the form. */
import { PlimsollError } from '@plimsoll/foundation';
import type { PlannerWords } from '../../words.ts';
import { deviceChoice, modelChoice } from '../form/named-choices.ts';
import type { NamedChoice } from '../state/choices.ts';
import type { PlannerAnswer } from '../state/settle.ts';
import type { PlannerState } from '../state/state.ts';
import type { PlannerCharts, PlannerPicture } from './picture.ts';
import type { NumberedQuestion, PlannerAnswers, PlannerQuestion, PlannerReply } from './worker-messages.ts';

interface Waiting {
  readonly resolve: (value: PlannerAnswers[PlannerQuestion['kind']]) => void;
  readonly reject: (error: PlimsollError) => void;
}

const waiting = new Map<number, Waiting>();
let asked = 0;
/** Null after a failure: the next question starts a new worker. */
let worker: Worker | null = startWorker();

function startWorker(): Worker {
  const started = new Worker(new URL('./planner-worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<PlannerReply>) => {
    const asker = waiting.get(data.number);
    waiting.delete(data.number);
    if ('error' in data) asker?.reject(new PlimsollError(data.error));
    else asker?.resolve(data.value);
  });
  // The worker did not load, or it crashed: no waiting question would ever get an answer.
  started.addEventListener('error', ({ message }) => {
    const details = {
      code: 'no-planner',
      message: `the planner could not be started: ${message || 'its script did not come'}`,
      hint: 'look at the connection and ask again',
    };
    for (const { reject } of waiting.values()) reject(new PlimsollError(details));
    waiting.clear();
    started.terminate();
    worker = null;
  });
  return started;
}

function ask<Kind extends PlannerQuestion['kind']>(
  question: Extract<PlannerQuestion, { readonly kind: Kind }>,
): Promise<PlannerAnswers[Kind]> {
  const number = ++asked;
  return new Promise((resolve, reject) => {
    // A reply has the number of its question, so its kind is that of the question.
    waiting.set(number, { resolve: (value) => resolve(value as PlannerAnswers[Kind]), reject });
    worker ??= startWorker();
    worker.postMessage({ number, question } satisfies NumberedQuestion);
  });
}

export function askPicture(state: PlannerState): Promise<PlannerPicture> {
  return ask<'picture'>({ kind: 'picture', state });
}

export function askCharts(answer: PlannerAnswer): Promise<PlannerCharts | null> {
  return ask<'charts'>({ kind: 'charts', answer });
}

export async function searchModels(text: string, words: PlannerWords): Promise<readonly NamedChoice[]> {
  const rows = await ask<'models'>({ kind: 'models', text });
  return rows.map((row) => modelChoice(row, words.modelDetail));
}

export async function searchDevices(text: string): Promise<readonly NamedChoice[]> {
  return (await ask<'devices'>({ kind: 'devices', text })).map(deviceChoice);
}
