import { afterAll, expect, test } from 'vitest';
import {
  natsServer,
  natsSkipReason,
  startNatsServer,
  type TestNatsServer,
} from '../nats/nats-server.test-data.ts';
import { killRun } from './kill-runs.test-data.ts';

let server: TestNatsServer | null = null;
afterAll(() => server?.remove());

const seeds = Array.from({ length: 10 }, (_, index) => index + 1);

// tools/kill-runs.ts tries any number of seeds.
test.skipIf(natsServer === null)(
  `processes and server die at random points: nothing lost, trained twice or left${natsServer === null ? ` (${natsSkipReason})` : ''}`,
  { timeout: 1_200_000 },
  async () => {
    server = await startNatsServer(natsServer ?? '');
    const kills: string[] = [];
    for (const seed of seeds) {
      const run = await killRun(seed, server);
      expect({ seed, kills: run.kills, problems: run.problems }).toEqual({
        seed,
        kills: run.kills,
        problems: [],
      });
      kills.push(...run.kills);
    }
    // Each kind of process has died.
    expect(new Set(kills).size).toBeGreaterThan(2);
  },
);
