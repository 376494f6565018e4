/**
 * Runs draft-training data flows in real processes and kills them with SIGKILL at random points: producers, trainer and NATS
 * server. Prints each run that lost a sample, trained a sample twice, or left features or messages.
 *
 *   node tools/kill-runs.ts                                  200 runs from seed 1, at most 600 s
 *   node tools/kill-runs.ts --runs 5000 --seconds 36000 --seed 1000
 *
 * Exits with 2 if this machine has no nats-server (tools/nats-server.ts fetches it), and with 1 after a bad run.
 */
import { parseArgs } from 'node:util';
import { killRun } from '../packages/dataflow/src/faults/kill-runs.test-data.ts';
import {
  findNatsServer,
  natsSkipReason,
  startNatsServer,
} from '../packages/dataflow/src/nats/nats-server.test-data.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: '1' },
  },
});

async function main(program: string): Promise<number> {
  const deadline = performance.now() + 1000 * Number(values.seconds);
  const server = await startNatsServer(program);
  const counts = { runs: 0, kills: 0, bad: 0 };
  try {
    for (let seed = Number(values.seed); counts.runs < Number(values.runs); seed++) {
      if (performance.now() > deadline) break;
      const { kills, problems } = await killRun(seed, server);
      counts.runs++;
      counts.kills += kills.length;
      if (problems.length === 0) continue;
      counts.bad++;
      process.stdout.write(
        `seed ${seed}, killed ${kills.join(', ')}:\n${problems.join('\n')}\nagain: node tools/kill-runs.ts --runs 1 --seed ${seed}\n`,
      );
    }
  } finally {
    await server.remove();
  }
  process.stdout.write(
    `${counts.runs} of ${values.runs} runs, ${counts.kills} kills, ${counts.bad} bad runs\n`,
  );
  return counts.bad === 0 ? 0 : 1;
}

const program = findNatsServer(process.env);
if (program === null) process.stderr.write(`${natsSkipReason}\n`);
process.exitCode = program === null ? 2 : await main(program);
