/** The host tier of a replica: its blocks, its link, and when a load pays against computing the tokens again. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment } from '@plimsoll/planner';
import type { LoadEntry } from '@plimsoll/planner/speed';
import type { ServingConfig } from '@plimsoll/serving';
import type { KvLink } from '../disaggregation/kv-link.ts';

export interface HostCacheQuestion {
  /** Host memory of a replica, all its devices together. */
  readonly bytes: number;
  /** From host memory to the devices that hold a sequence, all of them together. */
  readonly bytesPerSecond: number;
  readonly latencySeconds: number;
  /** Devices that hold a sequence. */
  readonly devices: number;
}

export interface HostCacheModel {
  /** Of each cache group of a scheduler. */
  readonly blockCount: number;
  readonly rule: NonNullable<ServingConfig['hostCache']>;
  readonly link: KvLink;
}

/** Most blocks of a scheduler; the index of so many takes about 400 MB. */
const blocksMax = 2 ** 22;

/** The parts of a Deployment that the model reads. */
export interface HostedDeployment extends Pick<Deployment, 'contextMax' | 'sequenceBytes'> {
  readonly groups: readonly Pick<
    Deployment['groups'][number],
    'layers' | 'entryBytes' | 'stateBytes' | 'tokensMax'
  >[];
  readonly speed: Pick<Deployment['speed'], 'stepSeconds'>;
}

/** Null if the memory holds no block. `schedulers`: the schedulers that divide the memory of the replica. */
export function hostCacheModel(
  { bytes, bytesPerSecond, latencySeconds, devices }: HostCacheQuestion,
  deployment: HostedDeployment,
  { blockSize, schedulers }: { readonly blockSize: number; readonly schedulers: number },
): HostCacheModel | null {
  if (bytes === 0) return null;
  refuseHostCache(deployment);
  const link: KvLink = {
    latencySeconds,
    bytesPerSecond,
    promptBytes: (tokens) => devices * deployment.sequenceBytes(tokens),
  };
  // A whole context, so that the padding of a short sequence counts little.
  const { contextMax } = deployment;
  const tokenBytes = link.promptBytes(contextMax) / contextMax;
  const blockCount = Math.floor(bytes / schedulers / (tokenBytes * blockSize));
  if (blockCount === 0) return null;
  if (blockCount > blocksMax) throw tooLarge(bytes, blockCount);
  const loads = (start: number, end: number): boolean =>
    latencySeconds + ((end - start) * tokenBytes) / bytesPerSecond < prefillSeconds(deployment, start, end);
  return { blockCount, rule: { loads }, link };
}

/** Seconds that tokens [start, end) of a prompt add to a step that decodes. */
function prefillSeconds({ speed }: HostedDeployment, start: number, end: number): number {
  const decode: LoadEntry = { kind: 'decode', start, count: 1, sampledRows: 1 };
  const prefill: LoadEntry = { kind: 'prefill', start, count: end - start, sampledRows: 0 };
  return speed.stepSeconds([decode, prefill]) - speed.stepSeconds([decode]);
}

function tooLarge(bytes: number, blockCount: number): PlimsollError {
  return new PlimsollError({
    code: 'host-cache-too-large',
    message: `${bytes} bytes of host memory are ${blockCount} blocks in each scheduler`,
    value: blockCount,
    limit: blocksMax,
    hint: `set hostCache.bytes to ${Math.floor((bytes * blocksMax) / blockCount)} or less`,
  });
}

function refuseHostCache({ groups }: HostedDeployment): void {
  const cached = groups.filter(
    ({ layers, entryBytes, stateBytes }) => layers * (entryBytes + stateBytes) > 0,
  );
  if (cached.every(({ tokensMax, stateBytes }) => tokensMax === Infinity && stateBytes === 0)) return;
  throw new PlimsollError({
    code: 'host-cache-with-windows',
    message: 'the model has windowed or recurrent layers, whose host tier is not simulated',
    limit: 'models whose layers attend to all tokens',
    hint: 'leave hostCache out of the scenario',
  });
}
