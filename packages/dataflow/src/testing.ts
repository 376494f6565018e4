/** The entry for tests of other packages: a real NATS server. */
export {
  natsServer,
  natsSkipReason,
  startNatsServer,
  type TestNatsServer,
} from './nats/nats-server.test-data.ts';
