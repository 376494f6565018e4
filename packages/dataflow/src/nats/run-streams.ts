/** The two work queues of a run on the server: prompts to producers, results to the controller. */
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { NatsLink } from './nats-connection.ts';
import { controllerConsumer, producersConsumer, runNames } from './run-names.ts';

export interface QueueLimits {
  /** Time from the delivery of a prompt to its result; then another producer gets the prompt. */
  readonly leaseSeconds: number;
  /** Prompts that all producers together have at a time. */
  readonly promptsMax: number;
}

/** Time within which the server drops a repeated message by its id. The ledger recognizes samples for ever. */
const duplicateWindowSeconds = 120;
/** Results that the controller has received and not confirmed. */
const resultsMax = 4096;
/** A live controller confirms a result within milliseconds; a new controller replaces the consumer and waits for nothing. */
const resultSeconds = 60;

/**
 * Makes the queues of a run, or adopts them from an earlier controller. Prompts of the earlier controller go: the ledger
 * decides which prompts are open. Results stay: no ledger may have them.
 */
export async function openQueues(link: NatsLink, runId: string, limits: QueueLimits): Promise<void> {
  const { prompts, results } = runNames(runId);
  for (const { stream, subject } of [prompts, results]) {
    await link.persist(() =>
      link.manager.streams.add({
        name: stream,
        subjects: [subject],
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.File,
        duplicate_window: nanos(1000 * duplicateWindowSeconds),
      }),
    );
  }
  await replaceConsumer(link, prompts.stream, {
    name: producersConsumer,
    ackSeconds: limits.leaseSeconds,
    pendingMax: limits.promptsMax,
  });
  await link.persist(() => link.manager.streams.purge(prompts.stream));
  await replaceConsumer(link, results.stream, {
    name: controllerConsumer,
    ackSeconds: resultSeconds,
    pendingMax: resultsMax,
  });
}

interface ConsumerTerms {
  readonly name: string;
  readonly ackSeconds: number;
  readonly pendingMax: number;
}

/** A new consumer delivers at once what an earlier process received and did not confirm. */
async function replaceConsumer(link: NatsLink, stream: string, terms: ConsumerTerms): Promise<void> {
  await link.persist(() => absent(link.manager.consumers.delete(stream, terms.name)));
  await link.persist(() =>
    link.manager.consumers.add(stream, {
      durable_name: terms.name,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(1000 * terms.ackSeconds),
      max_ack_pending: terms.pendingMax,
      max_deliver: -1,
    }),
  );
}

export function resultsOf(link: NatsLink, runId: string): Promise<Consumer> {
  return link.persist(() => link.streams.consumers.get(runNames(runId).results.stream, controllerConsumer));
}

export function promptsOf(link: NatsLink, runId: string): Promise<Consumer> {
  return link.persist(() => link.streams.consumers.get(runNames(runId).prompts.stream, producersConsumer));
}

/** Messages that producers or the controller have not confirmed. */
export async function openMessages(link: NatsLink, runId: string): Promise<number> {
  const { prompts, results } = runNames(runId);
  const taken = await link.persist(() => link.manager.consumers.info(prompts.stream, producersConsumer));
  const stored = await link.persist(() => link.manager.streams.info(results.stream));
  return taken.num_ack_pending + stored.state.messages;
}

export async function removeQueues(link: NatsLink, runId: string): Promise<void> {
  const { prompts, results } = runNames(runId);
  for (const { stream } of [prompts, results]) {
    await link.persist(() => absent(link.manager.streams.delete(stream)));
  }
}

/** False after `removeQueues`. */
export async function hasQueues(link: NatsLink, runId: string): Promise<boolean> {
  const { stream } = runNames(runId).results;
  return link.persist(async () => {
    try {
      await link.manager.streams.info(stream);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  });
}

/** True if the run's queues or their consumers are gone: the run has ended, or its controller starts again. */
export function isGone(error: unknown): boolean {
  const { StreamNotFound, ConsumerNotFound } = JetStreamApiCodes;
  return (
    error instanceof JetStreamApiError && (error.code === StreamNotFound || error.code === ConsumerNotFound)
  );
}

async function absent(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}
