/**
 * Asks the simulator's workers for the island. This module loads when a reader first touches the page. One worker reads texts
 * and names, which takes milliseconds; another runs, and a stopped run is a worker that is ended.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ScenarioDraft } from '../state/drafts.ts';
import type { ScenarioEdit } from '../state/scenario-paths.ts';
import type { Curve, CurveLoads } from './goodput-curve.ts';
import type {
  NumberedQuestion,
  ScenarioRunView,
  SimulatorAnswers,
  SimulatorProgress,
  SimulatorQuestion,
  SimulatorReply,
} from './worker-messages.ts';

interface Waiting {
  readonly resolve: (value: SimulatorAnswers[SimulatorQuestion['kind']]) => void;
  readonly reject: (error: PlimsollError) => void;
  readonly onProgress: (progress: SimulatorProgress) => void;
}

/** A worker with its open questions. It starts with the first question, and again after an end. */
class AskedWorker {
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #worker: Worker | null = null;

  ask<Kind extends SimulatorQuestion['kind']>(
    question: Extract<SimulatorQuestion, { readonly kind: Kind }>,
    onProgress: (progress: SimulatorProgress) => void = () => {},
  ): Promise<SimulatorAnswers[Kind]> {
    const number = ++this.#asked;
    return new Promise((resolve, reject) => {
      // A reply has the number of its question, so its kind is that of the question.
      const take: Waiting['resolve'] = (value) => resolve(value as SimulatorAnswers[Kind]);
      this.#waiting.set(number, { resolve: take, reject, onProgress });
      this.#worker ??= this.#start();
      this.#worker.postMessage({ number, question } satisfies NumberedQuestion);
    });
  }

  /** Ends the worker, and every open question with the error. */
  end(error: PlimsollError): void {
    this.#worker?.terminate();
    this.#worker = null;
    const open = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of open) reject(error);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./simulate-worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<SimulatorReply>) => {
      const asker = this.#waiting.get(data.number);
      if ('progress' in data) return asker?.onProgress(data.progress);
      this.#waiting.delete(data.number);
      if ('error' in data) asker?.reject(new PlimsollError(data.error));
      else asker?.resolve(data.value);
    });
    // The script did not load, or it crashed: no open question would ever get an answer.
    worker.addEventListener('error', ({ message }) => {
      const reason = message || 'its script did not come';
      this.end(
        new PlimsollError({
          code: 'no-simulator',
          message: `the simulator could not be started: ${reason}`,
          hint: 'look at the connection and try again',
        }),
      );
    });
    return worker;
  }
}

const desk = new AskedWorker();
const runner = new AskedWorker();

export const openAddress = (query: string): Promise<readonly ScenarioDraft[]> =>
  desk.ask<'open'>({ kind: 'open', query });
export const openExample = (name: string): Promise<ScenarioDraft> =>
  desk.ask<'example'>({ kind: 'example', name });
export const readDraft = (text: string): Promise<ScenarioDraft> => desk.ask<'draft'>({ kind: 'draft', text });
export const editDraft = (text: string, edits: readonly ScenarioEdit[]): Promise<ScenarioDraft> =>
  desk.ask<'edit'>({ kind: 'edit', text, edits });
export const addressOfDrafts = (drafts: readonly ScenarioDraft[]): Promise<string | null> =>
  desk.ask<'address'>({ kind: 'address', drafts });
export const searchModels = (text: string): Promise<SimulatorAnswers['models']> =>
  desk.ask<'models'>({ kind: 'models', text });
export const searchDevices = (text: string): Promise<SimulatorAnswers['devices']> =>
  desk.ask<'devices'>({ kind: 'devices', text });

export function runText(
  text: string,
  onProgress: (progress: SimulatorProgress) => void,
): Promise<ScenarioRunView> {
  return runner.ask<'run'>({ kind: 'run', text }, onProgress);
}

export function drawCurve(
  text: string,
  loads: CurveLoads | null,
  onProgress: (progress: SimulatorProgress) => void,
): Promise<Curve> {
  return runner.ask<'curve'>({ kind: 'curve', text, loads }, onProgress);
}

/** Ends the run in progress; its question fails with `run-stopped`. */
export function stopRun(): void {
  runner.end(new PlimsollError({ code: 'run-stopped', message: 'the run was stopped' }));
}
