/** `/v1/events`: the report of every step, as server-sent events. A slow reader misses reports instead of piling them up. */
import type { Engine, StepReport } from '@plimsoll/engine';
import { eventStreamResponse, serverSentEvent } from '../http/event-stream.ts';
import type { ServerContext } from '../http/server-env.ts';

/** Reports that wait for a reader. */
const reportsMax = 64;

export function stepEvents(engine: Engine, context: ServerContext): Response {
  return eventStreamResponse(context, reports(engine, context.get('call').signal));
}

async function* reports(engine: Engine, signal: AbortSignal): AsyncGenerator<string, void, void> {
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
  try {
    while (!signal.aborted) {
      const report = waiting.shift();
      if (report === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      yield serverSentEvent(JSON.stringify({ ...report, missed }), 'step');
      missed = 0;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    stop();
  }
}
