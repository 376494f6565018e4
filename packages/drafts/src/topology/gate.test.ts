/**
 * The gate between processes: producers that reach the trainer through a real NATS server give the losses and weights of a run in
 * one process, bit for bit, wherever features are, however many producers there are, and after kills.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { natsServer, natsSkipReason, startNatsServer, type TestNatsServer } from '@plimsoll/dataflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PlimsollTarget } from '../targets/plimsoll-target.ts';
import { identity, startEngine } from '../targets/targets.test-data.ts';
import { newFolder } from '../trainer/new-folder.test-data.ts';
import {
  besideProducer,
  type Example,
  exampleTrainer,
  openExample,
  recordedLosses,
  savedState,
} from '../trainer/trainer.test-data.ts';
import { type GateSettings, trainRemotely } from './gate-process.test-data.ts';

const program = join(import.meta.dirname, 'gate-process.test-data.ts');
/** Seven steps, and two samples that fill no window. */
const count = 30;
const lastStep = 7;
const reason = natsServer === null ? ` (${natsSkipReason})` : '';

class GateProcess {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly #child: ChildProcess;
  readonly ended: Promise<string>;
  /** Resolves with the first line. */
  readonly started: Promise<string>;

  constructor(settings: GateSettings) {
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], { stdio: 'pipe' });
    this.#child = child;
    child.stderr.on('data', (data: Buffer) => this.errors.push(data.toString()));
    const output = createInterface({ input: child.stdout });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    this.started = new Promise((resolve, reject) => {
      output.on('line', (line) => {
        this.lines.push(line);
        resolve(line);
      });
      child.once('close', () => reject(new Error(`the process ended early: ${this.errors.join('')}`)));
    });
    // A process that dies before its first line is an error of the test that waits for the line.
    this.started.catch(() => undefined);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

describe.skipIf(natsServer === null)(
  `producers and trainer in processes of their own${reason}`,
  { timeout: 240_000 },
  () => {
    let server: TestNatsServer;
    let example: Example;
    const colocated = mkdtempSync(join(tmpdir(), 'plimsoll-gate-'));
    const processes: GateProcess[] = [];

    beforeAll(async () => {
      server = await startNatsServer(natsServer ?? '');
      example = await openExample(new PlimsollTarget(await startEngine(), identity));
      const flow = await besideProducer(example, colocated, { count });
      await exampleTrainer(example, colocated, flow).fit();
      expect(recordedLosses(colocated)).toHaveLength(lastStep);
    }, 240_000);
    afterEach(async () => {
      for (const gate of processes.splice(0)) gate.kill();
    });
    afterAll(async () => {
      await server.remove();
      await example.target.close();
      rmSync(colocated, { recursive: true });
    });

    function settingsOf(
      changes: Pick<GateSettings, 'place' | 'runId'> & Partial<GateSettings>,
    ): GateSettings {
      const usual = { folder: newFolder(), worker: 'trainer', diesAfter: null };
      return { role: 'trainer', server: server.address, count, ...usual, ...changes };
    }

    function start(settings: GateSettings): GateProcess {
      const gate = new GateProcess(settings);
      processes.push(gate);
      return gate;
    }

    /** Waits for producers. Returns what each has committed, and the features that are left in its place. */
    async function producerEnds(producers: readonly GateProcess[]): Promise<readonly string[]> {
      const ends = await Promise.all(producers.map(({ ended }) => ended));
      expect({ ends, errors: producers.flatMap(({ errors }) => errors) }).toEqual({
        ends: producers.map(() => 'exit code 0'),
        errors: [],
      });
      return producers.map(({ lines }) => lines.at(-1) ?? '');
    }

    function expectColocatedBits(folder: string): void {
      expect(recordedLosses(folder)).toEqual(recordedLosses(colocated));
      expect(savedState(folder, lastStep).equals(savedState(colocated, lastStep))).toBe(true);
    }

    const complete = { step: lastStep, samples: lastStep * 4, isComplete: true };

    test('features over HTTP from two producers; the trainer is killed and resumes', async () => {
      const runId = 'gate-peers';
      const producers = ['a', 'b'].map((worker) =>
        start(
          settingsOf({
            role: 'producer',
            runId,
            worker,
            place: { kind: 'peers', folder: newFolder(), peers: [] },
          }),
        ),
      );
      const peers = await Promise.all(producers.map(({ started }) => started));
      const settings = settingsOf({ runId, place: { kind: 'peers', folder: newFolder(), peers } });
      const killed = start({ ...settings, diesAfter: 5 });
      expect({ end: await killed.ended, errors: killed.errors }).toEqual({ end: 'SIGKILL', errors: [] });
      const { report, store } = await trainRemotely(example, settings, 'resume');
      expect(report).toMatchObject(complete);
      expect(store).toMatchObject({ samples: 0, leases: 0, pendingRemovals: 0 });
      expectColocatedBits(settings.folder);
      const ends = await producerEnds(producers);
      expect(ends.every((end) => end.endsWith('samples, 0 left'))).toBe(true);
      const committed = ends.reduce((sum, end) => sum + Number.parseInt(end, 10), 0);
      expect(committed).toBe(count);
    });

    test('features in a shared folder; a producer is killed and another goes on', async () => {
      const runId = 'gate-folder';
      const place = { kind: 'folder', folder: newFolder() } as const;
      const dying = start(settingsOf({ role: 'producer', runId, place, worker: 'a', diesAfter: 3 }));
      const settings = settingsOf({ runId, place });
      const training = trainRemotely(example, settings, 'new');
      expect(await dying.ended).toBe('SIGKILL');
      const survivor = start(settingsOf({ role: 'producer', runId, place, worker: 'b' }));
      const { report, store } = await training;
      expect(report).toMatchObject(complete);
      expect(store).toMatchObject({ samples: 0, leases: 0, pendingRemovals: 0 });
      expectColocatedBits(settings.folder);
      expect(await producerEnds([survivor])).toEqual([`${count - 3} samples, 0 left`]);
    });

    test('features as NATS objects from one producer', async () => {
      const runId = 'gate-nats';
      const place = { kind: 'nats' } as const;
      const producer = start(settingsOf({ role: 'producer', runId, place, worker: 'a' }));
      const settings = settingsOf({ runId, place });
      const { report, store } = await trainRemotely(example, settings, 'new');
      expect(report).toMatchObject(complete);
      expect(store).toMatchObject({ samples: 0, leases: 0, pendingRemovals: 0 });
      expectColocatedBits(settings.folder);
      expect(await producerEnds([producer])).toEqual([`${count} samples, 0 left`]);
    });
  },
);
