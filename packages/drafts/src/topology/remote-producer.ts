/** A producer process of a run that another process trains, through a NATS server. */
import type { CaptureContract } from '@plimsoll/dataflow';
import { type NatsLink, NatsProducerLink } from '@plimsoll/dataflow/nats';
import { runRollout } from '../targets/rollout.ts';
import { type RolloutOptions, RolloutWorker } from '../targets/rollout-worker.ts';
import type { OpenedFeatures } from './feature-place.ts';

export interface RemoteProducerOptions extends Omit<RolloutOptions, 'link' | 'store'> {
  readonly link: NatsLink;
  readonly contract: CaptureContract;
  readonly features: OpenedFeatures;
  /** A name that no other producer of the run has. */
  readonly worker: string;
  /** How long to wait for the trainer, which may start later. */
  readonly startSeconds: number;
}

/**
 * Produces until the run needs no more samples and has removed its features: until then, a trainer that resumes may read them
 * again. Throws `run-not-found`, `run-failed`, what `runRollout` throws, and the signal's reason.
 */
export async function produceRemotely(options: RemoteProducerOptions, signal?: AbortSignal): Promise<void> {
  const { features, link: connection, contract, worker, startSeconds, ...rollout } = options;
  const { store } = features;
  const joining = { link: connection, contract, store, worker, startSeconds };
  const link = await NatsProducerLink.open(joining);
  try {
    do await runRollout([new RolloutWorker({ ...rollout, link, store })], signal);
    while (!(await link.hasFinished(signal)));
    // The run has freed every sample that it knows. What is left has no commit: an earlier process died before it.
    if (features.origin !== null) await store.gc({ ageSecondsMin: 0, isNeeded: () => false });
  } finally {
    await link.close();
  }
}
