/**
 * Serves the published files of one store to the other processes of a run, over HTTP with a shared secret:
 *
 *   GET     /features/NAME   the file        404 if it is gone
 *   HEAD    /features/NAME   its size
 *   DELETE  /features/NAME   frees it        204, also if it is gone
 *
 * Traffic is not encrypted: use it within a trusted network, or through a tunnel.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { PlimsollError } from '@plimsoll/foundation';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import type { DirectoryStore } from './directory-store.ts';

export const featuresPath = '/features/';
/** Short secrets are guessed. */
const secretLengthMin = 16;

export interface FeatureServerOptions {
  readonly store: DirectoryStore;
  /** Address to listen on: 127.0.0.1 for one machine. */
  readonly host: string;
  /** 0 chooses a free port. */
  readonly port: number;
  readonly secret: string;
}

export interface FeatureServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Throws `short-peer-secret` or `peer-cannot-listen`. */
export async function serveFeatures(options: FeatureServerOptions): Promise<FeatureServer> {
  const { store, host, port, secret } = options;
  if (secret.length < secretLengthMin)
    throw new PlimsollError({
      code: 'short-peer-secret',
      message: `the secret of the feature server has ${secret.length} characters`,
      value: secret.length,
      limit: `at least ${secretLengthMin}`,
      hint: 'give all processes of the run the same random text, such as the output of openssl rand -hex 16',
    });
  const server = createServer((request, response) => {
    answer(request, response, { store, secret }).catch(() => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  const boundPort = await listen(server, host, port);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: boundPort, close };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const reason = systemErrorCode(cause) ?? cause.message;
      reject(
        new PlimsollError(
          {
            code: 'peer-cannot-listen',
            message: `the feature server cannot listen on ${host}:${port} (${reason})`,
            value: port,
            limit: 'a free port of an address of this machine',
            hint: 'choose another port; 0 takes a free one',
          },
          { cause },
        ),
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

interface Service {
  readonly store: DirectoryStore;
  readonly secret: string;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { store, secret }: Service,
): Promise<void> {
  if (!isSecret(request.headers.authorization, secret)) {
    response.writeHead(401).end();
    return;
  }
  const path = request.url ?? '';
  const name = path.startsWith(featuresPath) ? path.slice(featuresPath.length) : '';
  switch (request.method) {
    case 'GET': {
      const file = await store.readPublished(name);
      if (file === null) response.writeHead(404).end();
      else response.writeHead(200, { 'content-length': file.byteLength }).end(file);
      return;
    }
    case 'HEAD': {
      const bytes = await store.publishedBytes(name);
      response.writeHead(bytes === null ? 404 : 200, { 'content-length': bytes ?? 0 }).end();
      return;
    }
    case 'DELETE':
      await store.removePublished(name);
      response.writeHead(204).end();
      return;
    default:
      response.writeHead(405, { allow: 'GET, HEAD, DELETE' }).end();
  }
}

/** Compares hashes, so that the time does not tell how many characters agree. */
function isSecret(header: string | undefined, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${secret}`));
}
