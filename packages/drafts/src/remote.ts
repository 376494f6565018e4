/** The entry for a run over several processes and machines, through a NATS server. */
export { NatsLink } from '@plimsoll/dataflow/nats';
export { offeredRun } from './topology/offered-run.ts';
export { produceRemotely } from './topology/remote-producer.ts';
