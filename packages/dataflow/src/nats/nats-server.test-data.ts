/** A real nats-server for tests: found on this machine, started in a folder of its own, killed and started again. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { NatsLink } from './nats-connection.ts';

/** Returns the folder into which tools/nats-server.ts puts the program. */
export function natsServerFolder({ XDG_CACHE_HOME: cache = '' }: NodeJS.ProcessEnv): string {
  return join(isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'plimsoll', 'nats-server');
}

/** Finds the program: the one that PLIMSOLL_NATS_SERVER names, on the path, or from tools/nats-server.ts. */
export function findNatsServer(environment: NodeJS.ProcessEnv): string | null {
  const { PLIMSOLL_NATS_SERVER: chosen = '' } = environment;
  const fetched = join(natsServerFolder(environment), 'nats-server');
  const candidates = chosen === '' ? ['nats-server', fetched] : [chosen];
  for (const program of candidates) {
    if (program !== 'nats-server' && !existsSync(program)) continue;
    const { status, stdout } = spawnSync(program, ['--version'], { env: environment, encoding: 'utf8' });
    const [, minor = '0'] = /v2\.(\d+)\./.exec(stdout ?? '') ?? [];
    if (status === 0 && Number(minor) >= oldestMinor) return program;
  }
  return null;
}

/** Debian 12 ships 2.9, which lacks what the client library uses. */
const oldestMinor = 12;

export const natsServer = findNatsServer(process.env);
export const natsSkipReason = 'no nats-server 2.12 or newer here: node tools/nats-server.ts fetches it';

export interface TestNatsServer {
  readonly address: string;
  /** Ends the process with SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
  connect(patienceSeconds?: number): Promise<NatsLink>;
  /** Ends the process and removes its folder. */
  remove(): Promise<void>;
}

/** Lines of the server's configuration. */
interface ServerSettings {
  readonly server?: string;
  readonly jetstream?: string;
}

export async function startNatsServer(
  program: string,
  { server = '', jetstream = '' }: ServerSettings = {},
): Promise<TestNatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-nats-'));
  const port = await freePort();
  const configuration = join(folder, 'server.conf');
  await writeFile(
    configuration,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${join(folder, 'data')}"\n${jetstream} }\n${server}\n`,
  );
  const address = `127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  const links: NatsLink[] = [];
  const connect = async (patienceSeconds = 30): Promise<NatsLink> => {
    const options = { servers: [address], token: null, patienceSeconds, requestSeconds: 5 };
    const link = await NatsLink.connect(options);
    links.push(link);
    return link;
  };
  const start = async (): Promise<void> => {
    child = spawn(program, ['-c', configuration], { stdio: 'ignore' });
    const deadline = performance.now() + 60_000;
    for (;;) {
      const link = await connect(0).catch((error: unknown) => {
        if (performance.now() > deadline) throw error;
        return null;
      });
      if (link !== null) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const kill = async (): Promise<void> => {
    const running = child;
    if (running === null) return;
    child = null;
    await new Promise((resolve) => {
      running.once('exit', resolve);
      running.kill('SIGKILL');
    });
  };
  await start();
  return {
    address,
    kill,
    start,
    connect,
    remove: async () => {
      await Promise.all(links.map((link) => link.close()));
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
