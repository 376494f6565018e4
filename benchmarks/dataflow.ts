/**
 * Rates of the data flow of draft training: features through each store beside the bare medium, and refs through the control
 * plane in process and through NATS.
 *
 *     node benchmarks/dataflow.ts [--json] [--only control,files,http,nats]
 *
 * Counts are fixed. A store and its bare medium run in turn, round after round, so that a busy moment affects both. The report
 * prints the median round. NATS is left out, with the reason, where no nats-server is (tools/nats-server.ts fetches it).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assert, MiB } from '@plimsoll/foundation';
import { NatsFeatureStore } from '../packages/dataflow/src/nats/nats-feature-store.ts';
import {
  findNatsServer,
  natsSkipReason,
  startNatsServer,
} from '../packages/dataflow/src/nats/nats-server.test-data.ts';
import { DirectoryStore } from '../packages/dataflow/src/store/directory-store.ts';
import type { FeaturePut, FeatureStore } from '../packages/dataflow/src/store/feature-store.ts';
import { nodeFileSystem } from '../packages/dataflow/src/store/file-system.ts';
import { HttpPeerStore } from '../packages/dataflow/src/store/http-peer-store.ts';
import { exampleSample } from '../packages/dataflow/src/store/samples.test-data.ts';
import { localRates, natsRefRate, type Rate, type RefRate, refRates } from './dataflow/ref-rates.ts';
import { median } from './record/statistics.ts';

const rounds = 5;
/** A sample of 4,096 tokens of three layers of 2,048 elements. */
const tokenCount = 4096;
const width = 3 * 2048;
const samplesPerRound = 8;
/** Samples that are put or read at the same time, as a loader does. */
const concurrency = 4;

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-dataflow-bench-'));
const featureBytes = tokenCount * width * 2;
const values = featureValues();

/** Distinct finite elements: a multiplicative hash of the index in the low bits of 0.5 to 1. */
function featureValues(): Uint8Array<ArrayBuffer> {
  const bits = new Uint16Array(tokenCount * width);
  for (let index = 0; index < bits.length; index++)
    bits[index] = 0x3f00 + ((Math.imul(index, 0x9e3779b1) >>> 20) & 127);
  return new Uint8Array(bits.buffer);
}

function put(index: number): FeaturePut {
  const hidden = {
    dtype: 'BF16',
    shape: [tokenCount, width],
    data: values,
    layerIds: [1, 5, 9],
    targetForm: null,
  } as const;
  return { sample: { ...exampleSample(index), tokenCount }, features: { hidden } };
}

/** MiB per second of `samplesPerRound` runs of `work`, `concurrency` at a time. */
async function bandwidth(work: (index: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < samplesPerRound; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return (samplesPerRound * featureBytes) / MiB / ((performance.now() - start) / 1000);
}

interface StoreRun {
  readonly producer: FeatureStore;
  readonly consumer: FeatureStore;
}

/** Puts and reads a round of samples, and removes them. */
async function storeRound({
  producer,
  consumer,
}: StoreRun): Promise<{ readonly put: number; readonly get: number }> {
  const refs: Awaited<ReturnType<FeatureStore['put']>>[] = [];
  const putRate = await bandwidth(async (index) => {
    refs[index] = await producer.put(put(index));
  });
  const getRate = await bandwidth(async (index) => {
    const ref = refs[index];
    assert(ref !== undefined, 'the sample is in the store');
    const { handle } = await consumer.get(ref);
    await consumer.release(handle, 'consumed');
  });
  for (const ref of refs) await producer.abort(ref);
  return { put: putRate, get: getRate };
}

let writers = 0;

function openFolder(name: string): Promise<DirectoryStore> {
  return DirectoryStore.open({
    folder: join(folder, name),
    retention: 'abort',
    bytesMax: 1e11,
    writer: (++writers).toString(16).padStart(16, '0'),
    nowSeconds: () => Date.now() / 1000,
  });
}

/** Writes and reads the same bytes in the same way without checks and hashes. */
async function bareFiles(): Promise<{ readonly put: number; readonly get: number }> {
  const path = (index: number): string => join(folder, `bare-${index}`);
  const putRate = await bandwidth(async (index) => {
    await nodeFileSystem.writeNew(`${path(index)}.unfinished`, [values]);
    await nodeFileSystem.syncFile(`${path(index)}.unfinished`);
    await nodeFileSystem.rename(`${path(index)}.unfinished`, path(index));
    await nodeFileSystem.syncFolder(folder);
  });
  const getRate = await bandwidth((index) => nodeFileSystem.read(path(index)));
  for (let index = 0; index < samplesPerRound; index++) await nodeFileSystem.remove(path(index));
  return { put: putRate, get: getRate };
}

/** Ratios of two rates, round by round; the median of each. */
function ratios(store: readonly number[], bare: readonly number[]): number {
  return median(store.map((value, index) => value / (bare[index] ?? Number.NaN)));
}

async function fileRates(): Promise<readonly Rate[]> {
  const store = await openFolder('files');
  const found = { put: [0], get: [0], barePut: [0], bareGet: [0] };
  for (const list of Object.values(found)) list.length = 0;
  for (let round = 0; round < rounds; round++) {
    const bare = await bareFiles();
    const own = await storeRound({ producer: store, consumer: store });
    found.put.push(own.put);
    found.get.push(own.get);
    found.barePut.push(bare.put);
    found.bareGet.push(bare.get);
  }
  return [
    { name: 'bare files, write', unit: 'MiB/s', value: median(found.barePut), asked: 0 },
    { name: 'files, put', unit: 'MiB/s', value: median(found.put), asked: 0 },
    { name: 'files, put / write', unit: 'x', value: ratios(found.put, found.barePut), asked: 0.6 },
    { name: 'bare files, read', unit: 'MiB/s', value: median(found.bareGet), asked: 0 },
    { name: 'files, get', unit: 'MiB/s', value: median(found.get), asked: 0 },
    { name: 'files, get / read', unit: 'x', value: ratios(found.get, found.bareGet), asked: 0.6 },
  ];
}

/** Serves the bytes from memory in this process, as the feature server does. */
async function bareHttp(): Promise<{ readonly read: () => Promise<number>; readonly close: () => void }> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': values.byteLength }).end(values);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    read: () => bandwidth(async () => (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()),
    close: () => server.close(),
  };
}

async function httpRates(): Promise<readonly Rate[]> {
  const open = async (name: string): Promise<HttpPeerStore> =>
    HttpPeerStore.open({
      own: await openFolder(name),
      retention: 'abort',
      host: '127.0.0.1',
      publicHost: '127.0.0.1',
      port: 0,
      secret: 'the secret of a benchmark',
      isPeer: () => true,
      timeoutSeconds: 60,
    });
  const producer = await open('peer-a');
  const consumer = await open('peer-b');
  const bare = await bareHttp();
  const found: { readonly get: number; readonly bare: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const bareRate = await bare.read();
    found.push({ bare: bareRate, get: (await storeRound({ producer, consumer })).get });
  }
  bare.close();
  await producer.close();
  await consumer.close();
  const gets = found.map(({ get }) => get);
  const bares = found.map((round) => round.bare);
  return [
    { name: 'bare HTTP on loopback', unit: 'MiB/s', value: median(bares), asked: 0 },
    { name: 'HTTP peer, get', unit: 'MiB/s', value: median(gets), asked: 0 },
    { name: 'HTTP peer / bare HTTP', unit: 'x', value: ratios(gets, bares), asked: 0.6 },
  ];
}

async function natsRates(program: string): Promise<readonly Rate[]> {
  const server = await startNatsServer(program);
  const open = async (): Promise<NatsFeatureStore> =>
    NatsFeatureStore.open({
      link: await server.connect(),
      runId: 'bench',
      retention: 'abort',
      bytesMax: 1e11,
      writer: (++writers).toString(16).padStart(16, '0'),
      nowSeconds: () => Date.now() / 1000,
    });
  const stores = { producer: await open(), consumer: await open() };
  const found: { readonly put: number; readonly get: number }[] = [];
  for (let round = 0; round < rounds; round++) found.push(await storeRound(stores));
  await server.remove();
  const refs: RefRate[] = [];
  const synced: RefRate[] = [];
  for (let round = 0; round < 3; round++) {
    refs.push(await natsRefRate(program, ''));
    synced.push(await natsRefRate(program, 'sync_interval: always'));
  }
  return [
    { name: 'NATS objects, put', unit: 'MiB/s', value: median(found.map((round) => round.put)), asked: 80 },
    { name: 'NATS objects, get', unit: 'MiB/s', value: median(found.map(({ get }) => get)), asked: 80 },
    ...refRates('through NATS', refs, 3000),
    ...refRates('through NATS, sync always', synced, 1000),
  ];
}

function print(rates: readonly Rate[]): void {
  for (const { name, unit, value, asked } of rates) {
    const shown = value < 10 ? value.toFixed(2) : String(Math.round(value));
    const target = asked === 0 ? '' : `  asked ${asked}${value < asked ? ', missed' : ''}`;
    process.stdout.write(`${name.padEnd(38)} ${shown.padStart(8)} ${unit}${target}\n`);
  }
}

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: 'control,files,http,nats' },
  },
});
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const program = findNatsServer(process.env);
try {
  if (!flags.json)
    process.stdout.write(`${cpus()[0]?.model ?? ''}, ${cpus().length} cores, commit ${commit}\n`);
  const all: Rate[] = [];
  const parts: Readonly<Record<string, () => Promise<readonly Rate[]>>> = {
    control: () => localRates(folder),
    files: fileRates,
    http: httpRates,
    ...(program === null ? {} : { nats: () => natsRates(program) }),
  };
  for (const [name, part] of Object.entries(parts)) {
    if (!flags.only.split(',').includes(name)) continue;
    const rates = await part();
    all.push(...rates);
    if (!flags.json) print(rates);
  }
  if (program === null) process.stderr.write(`${natsSkipReason}\n`);
  if (flags.json) process.stdout.write(`${JSON.stringify({ commit, rates: all }, null, 1)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
