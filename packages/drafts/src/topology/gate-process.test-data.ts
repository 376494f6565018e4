/** A trainer or a producer of the example's run as a process of its own, for gate.test.ts. */
import { NatsLink } from '@plimsoll/dataflow/nats';
import { PlimsollTarget } from '../targets/plimsoll-target.ts';
import { captureContract } from '../targets/sample-features.ts';
import { identity, startEngine } from '../targets/targets.test-data.ts';
import { liveFlow } from '../trainer/live-flow.ts';
import {
  type Example,
  exampleRun,
  exampleTrainer,
  openExample,
  plan,
  quantum,
} from '../trainer/trainer.test-data.ts';
import { type FeaturePlace, openFeatures } from './feature-place.ts';
import { offeredRun } from './offered-run.ts';
import { produceRemotely } from './remote-producer.ts';

/** A place without what only its process has. */
export type GatePlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'peers'; readonly folder: string; readonly peers: readonly string[] }
  | { readonly kind: 'nats' };

export interface GateSettings {
  readonly role: 'trainer' | 'producer';
  readonly server: string;
  readonly runId: string;
  readonly count: number;
  readonly place: GatePlace;
  /** Checkpoints, metrics and ledger of a trainer. */
  readonly folder: string;
  readonly worker: string;
  /** The process kills itself after this step, before its checkpoint, or after this sample; null for never. */
  readonly diesAfter: number | null;
}

function placeOf({ place, runId }: GateSettings, link: NatsLink): FeaturePlace {
  const bytesMax = 2 ** 30;
  if (place.kind === 'nats') return { kind: 'nats', link, runId, bytesMax };
  const peer = { host: '127.0.0.1', port: 0, publicHost: '127.0.0.1', secret: 'secret of the gate' };
  return { ...peer, ...place, bytesMax };
}

async function connect(server: string): Promise<NatsLink> {
  return NatsLink.connect({ servers: [server], token: null, patienceSeconds: 60, requestSeconds: 5 });
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Trains the run with producers in other processes. */
export async function trainRemotely(example: Example, settings: GateSettings, begin: 'new' | 'resume') {
  const { server, runId, count, folder, diesAfter } = settings;
  const link = await connect(server);
  const features = await openFeatures(placeOf(settings, link));
  const { store } = features;
  const terms = { quantum, attemptsMax: 3, leaseSeconds: 2, promptsMax: 8, drainSeconds: 10 };
  const openRun = offeredRun(exampleRun(example, folder, { runId, count }), { link, runId, store, ...terms });
  const open = liveFlow({ openRun, store, batchSize: 2, readsMax: 2, produce: null });
  const deadly = {
    record: ({ step }: { readonly step: number }) => (step === diesAfter ? die() : undefined),
    close: () => undefined,
  };
  const flow = { steps: Math.floor(count / quantum), open };
  try {
    const report = await exampleTrainer(example, folder, flow, { begin, trackers: [deadly] }).fit();
    return { report, store: await store.status() };
  } finally {
    await features.close();
    await link.close();
  }
}

async function produce(target: PlimsollTarget, settings: GateSettings): Promise<void> {
  const { server, runId, worker, diesAfter } = settings;
  const link = await connect(server);
  const features = await openFeatures(placeOf(settings, link));
  process.stdout.write(`${features.origin ?? 'ready'}\n`);
  const contract = captureContract(plan, target, { runId, tokenizerVersion: 't' });
  let samples = 0;
  const onSample = (): void => {
    if (++samples === diesAfter) die();
  };
  const rollout = { engine: target, plan, failuresMax: 1, onSample };
  await produceRemotely({ ...rollout, link, contract, features, worker, startSeconds: 60 });
  const { samples: left } = await features.store.status();
  process.stdout.write(`${samples} samples, ${left} left\n`);
  await features.close();
  await link.close();
}

async function main(settings: GateSettings): Promise<void> {
  const target = new PlimsollTarget(await startEngine(), identity);
  if (settings.role === 'producer') await produce(target, settings);
  else await trainRemotely(await openExample(target), settings, 'new');
  await target.close();
}

const [, program, settings] = process.argv;
if (program === import.meta.filename && settings !== undefined) await main(JSON.parse(settings));
