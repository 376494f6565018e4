/** A run on a server over restarts of its controller. control/producer-link.test.ts has the suite of all links. */
import { PlimsollError, seconds } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { DataFlowController } from '../control/data-flow-controller.ts';
import { MemoryLedger } from '../control/memory-ledger.ts';
import { contract, exampleRef, exampleTask } from '../store/samples.test-data.ts';
import { NatsProducerLink } from './nats-producer-link.ts';
import { NatsRun } from './nats-run.ts';
import { natsServer, natsSkipReason, startNatsServer } from './nats-server.test-data.ts';
import { RunBoard } from './run-board.ts';

const { runId } = contract;
const store = { abort: async (): Promise<void> => undefined };
const terms = { quantum: 2, attemptsMax: 3 };

function makeRun(ledger: MemoryLedger, checkpointStep: number | null): DataFlowController {
  const run = new DataFlowController({
    contract,
    ledger,
    clock: { now: () => seconds(0) },
    quantum: 2,
    limits: { samplesHigh: 4, samplesLow: 2, bytes: null },
    attemptsMax: 3,
    leaseSeconds: 60,
    failedPromptsMax: 0,
    freeAfter: 'step',
    resume: checkpointStep === null ? null : { checkpointStep },
  });
  run.addPrompts([0, 1].map(exampleTask));
  run.closePlan();
  return run;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'none';
}

const reason = natsServer === null ? ` (${natsSkipReason})` : '';

test.skipIf(natsServer === null)(
  `a run survives its controller, and leaves its record alone${reason}`,
  async () => {
    const server = await startNatsServer(natsServer ?? '');
    try {
      const link = await server.connect();
      const open = (run: DataFlowController, quantum = 2) =>
        NatsRun.open({
          link,
          run,
          runId,
          store,
          terms: { ...terms, quantum },
          leaseSeconds: 60,
          promptsMax: 4,
        });
      const producerOptions = { link: await server.connect(), contract, store, worker: 'a' };
      expect(await codeOf(NatsProducerLink.open({ ...producerOptions, startSeconds: 0 }))).toBe(
        'run-not-found',
      );

      const ledger = new MemoryLedger();
      const first = await open(makeRun(ledger, null));
      const producer = await NatsProducerLink.open({ ...producerOptions, startSeconds: 10 });
      const prompts = [...((await producer.nextPrompts(2)) ?? [])];
      while (prompts.length < 2) prompts.push(...((await producer.nextPrompts(2)) ?? []));
      await first.close();

      // No controller runs now: the second controller receives this sample.
      await producer.commit([exampleRef(1)]);
      const run = makeRun(ledger, 0);
      expect(await codeOf(open(run, 4))).toBe('run-terms-differ');
      const second = await open(run);
      await expect.poll(() => run.status().samples.ready).toBe(1);
      // The producer still has the other prompt of the first controller.
      await producer.commit([exampleRef(0)]);
      const window = await run.nextWindow();
      expect(window?.map(({ taskId }) => taskId)).toEqual(['task-0', 'task-1']);
      run.acknowledge(window?.map(({ sampleId }) => sampleId) ?? [], 1);
      expect(await run.nextWindow()).toBe(null);
      const board = await RunBoard.open(link, runId);
      await expect.poll(() => board.state()).toEqual({ kind: 'ended' });
      // The second controller has sent the other prompt again: only the state of the run keeps producers from it.
      expect(await producer.nextPrompts(1)).toBe(null);

      await second.finish(0);
      expect(await board.status()).toMatchObject({ trained: 2, lastStep: 1 });
      const streams: string[] = [];
      for await (const name of link.manager.streams.names()) streams.push(name);
      expect(streams).toEqual(['KV_plimsoll-runs']);
      await board.forget();
      expect([await board.state(), await board.terms(), await board.status()]).toEqual([null, null, null]);
    } finally {
      await server.remove();
    }
  },
);
