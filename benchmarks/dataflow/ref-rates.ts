/** Rates of refs through the control plane, in process and through NATS. */
import { join } from 'node:path';
import { monotonicClock } from '@plimsoll/foundation';
import { DataFlowController } from '../../packages/dataflow/src/control/data-flow-controller.ts';
import type { Ledger } from '../../packages/dataflow/src/control/ledger.ts';
import { MemoryLedger } from '../../packages/dataflow/src/control/memory-ledger.ts';
import { LocalProducerLink, type ProducerLink } from '../../packages/dataflow/src/control/producer-link.ts';
import { SqliteLedger } from '../../packages/dataflow/src/control/sqlite-ledger.ts';
import { NatsProducerLink } from '../../packages/dataflow/src/nats/nats-producer-link.ts';
import { NatsRun } from '../../packages/dataflow/src/nats/nats-run.ts';
import { startNatsServer } from '../../packages/dataflow/src/nats/nats-server.test-data.ts';
import { contract, exampleRef, exampleTask } from '../../packages/dataflow/src/store/samples.test-data.ts';
import { median } from '../record/statistics.ts';

const localRounds = 5;
const refCount = 20_000;
const natsRefCount = 6000;
const quantum = 16;

export interface Rate {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** The least that is asked for. */
  readonly asked: number;
}

function makeRun(planLength: number, ledger: Ledger): DataFlowController {
  const run = new DataFlowController({
    contract,
    ledger,
    clock: monotonicClock,
    quantum,
    limits: { samplesHigh: 1024, samplesLow: 512, bytes: null },
    attemptsMax: 3,
    leaseSeconds: 600,
    failedPromptsMax: 0,
    freeAfter: 'step',
    resume: null,
  });
  run.addPrompts(Array.from({ length: planLength }, (_, index) => exampleTask(index)));
  run.closePlan();
  return run;
}

const noStore = { abort: async (): Promise<void> => undefined };

export interface RefRate {
  readonly perSecond: number;
  /** Per second of processor time of this process, which other programs on the machine disturb less. */
  readonly perProcessorSecond: number;
}

/** Rate of refs from the lease of their prompts to the acknowledgement of their steps. */
async function refRate(run: DataFlowController, link: ProducerLink, count: number): Promise<RefRate> {
  const start = performance.now();
  const processorStart = process.cpuUsage();
  const produce = async (): Promise<void> => {
    for (;;) {
      const prompts = await link.nextPrompts(256);
      if (prompts === null) return;
      await link.commit(prompts.map(({ task }) => exampleRef(task.planIndex)));
    }
  };
  const train = async (): Promise<RefRate> => {
    for (let step = 1; ; step++) {
      const window = await run.nextWindow();
      if (window === null) {
        const { user, system } = process.cpuUsage(processorStart);
        return {
          perSecond: (count * 1000) / (performance.now() - start),
          perProcessorSecond: (count * 1e6) / (user + system),
        };
      }
      run.acknowledge(
        window.map(({ sampleId }) => sampleId),
        step,
      );
      run.markFreed(run.freeable().map(({ sampleId }) => sampleId));
    }
  };
  const [rate] = await Promise.all([train(), produce()]);
  return rate;
}

export async function localRates(folder: string): Promise<readonly Rate[]> {
  const rateOf = async (ledger: Ledger): Promise<RefRate> => {
    const run = makeRun(refCount, ledger);
    const rate = await refRate(
      run,
      new LocalProducerLink({ run, store: noStore, worker: 'bench' }),
      refCount,
    );
    ledger.close();
    return rate;
  };
  const memory: RefRate[] = [];
  const sqlite: RefRate[] = [];
  for (let round = 0; round < localRounds; round++) {
    memory.push(await rateOf(new MemoryLedger()));
    sqlite.push(await rateOf(new SqliteLedger(join(folder, `ledger-${round}.sqlite`))));
  }
  return [
    ...refRates('control plane in process', memory, 20_000),
    ...refRates('control plane, SQLite', sqlite, 0),
  ];
}

export function refRates(name: string, rates: readonly RefRate[], asked: number): readonly Rate[] {
  const perProcessorSecond = median(rates.map((rate) => rate.perProcessorSecond));
  return [
    { name, unit: 'refs/s', value: median(rates.map(({ perSecond }) => perSecond)), asked },
    { name: `${name}, own time`, unit: 'refs/s', value: perProcessorSecond, asked: 0 },
  ];
}

export async function natsRefRate(program: string, jetstream: string): Promise<RefRate> {
  const server = await startNatsServer(program, { jetstream });
  try {
    const link = await server.connect();
    const run = makeRun(natsRefCount, new MemoryLedger());
    const { runId } = contract;
    const terms = { quantum, attemptsMax: 3 };
    const served = await NatsRun.open({
      link,
      run,
      runId,
      store: noStore,
      terms,
      leaseSeconds: 600,
      promptsMax: 1024,
    });
    const own = await server.connect();
    const producer = await NatsProducerLink.open({
      link: own,
      contract,
      store: noStore,
      worker: 'bench',
      startSeconds: 10,
    });
    const rate = await refRate(run, producer, natsRefCount);
    await served.finish(5);
    return rate;
  } finally {
    await server.remove();
  }
}
