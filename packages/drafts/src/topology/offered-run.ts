/** The trainer's side of a run whose producers are other processes: its controller is offered through a NATS server. */
import type { FeatureStore } from '@plimsoll/dataflow';
import { type NatsLink, NatsRun } from '@plimsoll/dataflow/nats';
import type { OpenRun } from '../trainer/live-flow.ts';

export interface OfferOptions {
  readonly link: NatsLink;
  readonly runId: string;
  readonly store: FeatureStore;
  readonly quantum: number;
  readonly attemptsMax: number;
  readonly leaseSeconds: number;
  /** Prompts that all producers together have at a time. */
  readonly promptsMax: number;
  /** How long the end of the run waits for what producers still hold. */
  readonly drainSeconds: number;
}

/**
 * Offers the runs that `openRun` opens. A run that is closed after its last checkpoint ends on the server, and features that it
 * does not know are removed: those of producers that died before their commit. A run that is closed earlier stays on the
 * server, and its producers wait for the trainer to resume. Throws what `openRun` throws, `run-terms-differ` and `nats-unreachable`.
 */
export function offeredRun(openRun: OpenRun, options: OfferOptions): OpenRun {
  const { link, runId, store, quantum, attemptsMax, leaseSeconds, promptsMax, drainSeconds } = options;
  return async (resume) => {
    const opened = await openRun(resume);
    const { run } = opened;
    const terms = { quantum, attemptsMax };
    const queues = { leaseSeconds, promptsMax };
    const served = await NatsRun.open({ link, run, runId, store, terms, ...queues }).catch(
      async (error: unknown) => {
        await opened.close();
        throw error;
      },
    );
    const isNeeded = (sampleId: string, generation: number): boolean =>
      !sampleId.startsWith(`${runId}:`) || run.isNeeded(sampleId, generation);
    const close = async (): Promise<void> => {
      try {
        if (!run.isSettled()) await served.close();
        else {
          await served.finish(drainSeconds);
          await store.gc({ ageSecondsMin: 0, isNeeded });
        }
      } finally {
        await opened.close();
      }
    };
    return { run, close };
  };
}
