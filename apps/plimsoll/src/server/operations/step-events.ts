/**
 * `/v1/events`: the report of every step, as server-sent events. A slow reader misses reports instead of piling them up.
 * With `?state=true` the stream also has the state of the server, at most twice a second, and each report has the planned
 * time of its step. A stream without readers costs nothing.
 */
import type { Engine, StepReport } from '@plimsoll/engine';
import { z } from 'zod';
import { stepPredictor } from '../../step-times.ts';
import type { ServerCore } from '../core/server-core.ts';
import { eventStreamResponse, serverSentEvent } from '../http/event-stream.ts';
import { readFields } from '../http/read-fields.ts';
import type { ServerContext } from '../http/server-env.ts';
import { engineState } from './engine-state.ts';

/** Reports that wait for a reader. */
const reportsMax = 64;
const stateMilliseconds = 500;

export const eventsQuerySchema = z.object({
  state: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: adds events `state` and the planned seconds of each step.'),
});

/** What a client gets in addition to the reports. */
interface Additions {
  readonly predict: (report: StepReport) => number;
  readonly state: () => object;
}

export async function stepEvents(core: ServerCore, context: ServerContext): Promise<Response> {
  const { engine } = core.model;
  const { state } = readFields(eventsQuerySchema, context.req.query());
  const additions =
    state === 'true' ? { predict: await stepPredictor(engine), state: () => engineState(core) } : null;
  return eventStreamResponse(context, events(engine, additions, context.get('call').signal));
}

async function* events(
  engine: Engine,
  additions: Additions | null,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const waiting: StepReport[] = [];
  let missed = 0;
  let wake = (): void => undefined;
  const stop = engine.onStep((report) => {
    if (waiting.length >= reportsMax) missed += waiting.splice(0, 1).length;
    waiting.push(report);
    wake();
  });
  const abort = (): void => wake();
  signal.addEventListener('abort', abort);
  let stateAt = additions === null ? Number.POSITIVE_INFINITY : performance.now();
  try {
    while (!signal.aborted) {
      const now = performance.now();
      if (additions !== null && now >= stateAt) {
        stateAt = now + stateMilliseconds;
        yield serverSentEvent(JSON.stringify(additions.state()), 'state');
        continue;
      }
      const report = waiting.shift();
      if (report === undefined) {
        await wokenUntil(stateAt - now, (resolve) => {
          wake = resolve;
        });
        continue;
      }
      const predictedSeconds = additions?.predict(report);
      yield serverSentEvent(JSON.stringify({ ...report, missed, predictedSeconds }), 'step');
      missed = 0;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    stop();
  }
}

/** Resolves when the function that `take` receives is called, and at the latest after the given time. */
async function wokenUntil(milliseconds: number, take: (wake: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    take(resolve);
    if (Number.isFinite(milliseconds)) timer = setTimeout(resolve, milliseconds);
  });
  clearTimeout(timer);
}
