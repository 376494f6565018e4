/**
 * Whole runs of real processes under SIGKILL: a trainer, two producers and a NATS server, each killed at random points and
 * started again. Whatever the seed, the weights must have seen every sample of the plan once and in order, and features,
 * ledger and streams must be empty at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { SqliteLedger } from '../control/sqlite-ledger.ts';
import type { TestNatsServer } from '../nats/nats-server.test-data.ts';
import { runNames } from '../nats/run-names.ts';
import type { FaultCheckpoint, FaultSettings } from './fault-process.test-data.ts';

export interface KillRun {
  /** What was killed, in order. */
  readonly kills: readonly string[];
  /** What is wrong; empty after a good run. */
  readonly problems: readonly string[];
}

const planLength = 21;
const quantum = 2;
const runSecondsMax = 120;
const program = join(import.meta.dirname, 'fault-process.test-data.ts');
const victims = ['trainer', 'producer-a', 'producer-b', 'nats'] as const;
type Victim = (typeof victims)[number];

export async function killRun(seed: number, server: TestNatsServer): Promise<KillRun> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-kills-'));
  const run = new KilledRun(seed, { server, folder });
  try {
    await run.live();
    return { kills: run.kills, problems: await run.problems() };
  } catch (error) {
    return { kills: run.kills, problems: [String(error)] };
  } finally {
    await run.end();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Place {
  readonly server: TestNatsServer;
  readonly folder: string;
}

class KilledRun {
  readonly kills: string[] = [];
  readonly #random: Random;
  readonly #runId: string;
  readonly #place: Place;
  readonly #children = new Map<Victim, ChildProcess>();
  #starts = 0;
  /** Lines of all processes until the next kill. */
  #linesLeft = 0;
  #killsLeft: number;
  #killing: Promise<void> = Promise.resolve();
  #isEnding = false;
  readonly #trainerEnd: Promise<void>;
  #resolveEnd: () => void = () => undefined;
  #rejectEnd: (reason: Error) => void = () => undefined;

  constructor(seed: number, place: Place) {
    this.#random = seededRandom(seed);
    this.#runId = `kills.${seed}`;
    this.#place = place;
    this.#killsLeft = randomInteger(this.#random, 1, 6);
    this.#trainerEnd = new Promise((resolve, reject) => {
      this.#resolveEnd = resolve;
      this.#rejectEnd = reject;
    });
  }

  /** Runs to the end of the trainer and of the producers. */
  async live(): Promise<void> {
    this.#linesLeft = this.#nextDistance();
    for (const victim of victims) if (victim !== 'nats') this.#start(victim);
    const timeout = sleep(1000 * runSecondsMax, undefined, { ref: false }).then(() => {
      throw new Error(`the run has not ended within ${runSecondsMax} s`);
    });
    await Promise.race([this.#trainerEnd, timeout]);
    await this.#killing;
    // Producers learn of the end and hand in or remove what they hold.
    const producers = [...this.#children.values()].filter(({ exitCode }) => exitCode === null);
    await Promise.race([Promise.all(producers.map(ended)), timeout]);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    for (const child of this.#children.values()) child.kill('SIGKILL');
  }

  async problems(): Promise<readonly string[]> {
    const { folder, server } = this.#place;
    const problems: string[] = [];
    const compare = (name: string, found: unknown, expected: unknown): void => {
      if (JSON.stringify(found) !== JSON.stringify(expected))
        problems.push(`${name}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
    };
    const checkpoint: FaultCheckpoint = JSON.parse(await readFile(join(folder, 'checkpoint.json'), 'utf8'));
    const trained = planLength - (planLength % quantum);
    const ids = Array.from({ length: trained }, (_, index) => `${this.#runId}:task-${index}`);
    compare('samples in the weights', checkpoint.seen, ids);
    compare('feature files', await readdir(join(folder, 'features')), []);
    const ledger = new SqliteLedger(join(folder, 'ledger.sqlite'));
    const states = ledger.read().samples.map(({ state }) => state);
    ledger.close();
    compare(
      'ledger',
      states,
      Array.from({ length: planLength }, () => 'freed'),
    );
    const { manager } = await server.connect();
    const names: string[] = [];
    for await (const name of manager.streams.names()) names.push(name);
    const { prompts, results } = runNames(this.#runId);
    compare(
      'streams',
      names.filter((name) => name === prompts.stream || name === results.stream),
      [],
    );
    return problems;
  }

  /** Lines until the next kill: a run without kills writes about 150. */
  #nextDistance(): number {
    return randomInteger(this.#random, 1, 40);
  }

  #start(victim: Victim): void {
    const { server, folder } = this.#place;
    const settings: FaultSettings = {
      role: victim === 'trainer' ? 'trainer' : 'producer',
      server: server.address,
      folder,
      runId: this.#runId,
      worker: (++this.#starts).toString(16).padStart(16, '0'),
      planLength,
      quantum,
    };
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.set(victim, child);
    const errors: string[] = [];
    child.stderr.on('data', (data: Buffer) => errors.push(data.toString()));
    createInterface({ input: child.stdout }).on('line', () => this.#count());
    child.once('exit', (code, signal) => {
      if (signal === 'SIGKILL' || this.#isEnding) return;
      if (code !== 0)
        this.#rejectEnd(new Error(`${victim} ended with ${code}: ${errors.join('').slice(-2000)}`));
      else if (victim === 'trainer') this.#resolveEnd();
    });
  }

  #count(): void {
    this.#linesLeft--;
    if (this.#linesLeft !== 0 || this.#killsLeft === 0) return;
    this.#killsLeft--;
    const victim = victims[randomInteger(this.#random, 0, victims.length)];
    if (victim === undefined) return;
    this.#killing = this.#kill(victim).catch((error: unknown) => {
      this.#rejectEnd(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #kill(victim: Victim): Promise<void> {
    await sleep(randomInteger(this.#random, 0, 10));
    const child = this.#children.get(victim);
    if (victim === 'nats') {
      this.kills.push(victim);
      await this.#place.server.kill();
      await this.#place.server.start();
    } else if (child !== undefined && child.exitCode === null) {
      this.kills.push(victim);
      const end = ended(child);
      child.kill('SIGKILL');
      await end;
      if (child.signalCode === 'SIGKILL' && !this.#isEnding) this.#start(victim);
    }
    this.#linesLeft = this.#nextDistance();
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
  });
}
