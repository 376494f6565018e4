/** A run over several processes and machines, through a NATS server with JetStream. */

export { NatsLink } from './nats-connection.ts';
export { NatsFeatureStore } from './nats-feature-store.ts';
export { NatsProducerLink } from './nats-producer-link.ts';
export { NatsRun } from './nats-run.ts';
