/** What a start of llama.cpp takes of each memory: one per device, or one for all where devices and CPU share theirs. */
import type { DeviceMemory } from '../../deployment/deployment.ts';
import { type Companion, type CompanionMemory, companionMemory } from './companions.ts';
import { type BackendMemory, type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { deviceNames, type Machine } from './machine.ts';
import type { Projector } from './projector.ts';

export interface MemoryUse {
  readonly capacityBytes: number;
  readonly weightBytes: number;
  /** Caches and states. */
  readonly cacheBytes: number;
  /** Compute buffers, and the output buffer where it lies there. */
  readonly workBytes: number;
}

export interface StartUse {
  readonly memory: EngineMemory;
  /** Contexts for speculative decoding. */
  readonly further: readonly CompanionMemory[];
  readonly pools: readonly MemoryUse[];
}

/** What a start loads beside the model itself. */
interface FurtherParts {
  readonly companions: readonly Companion[];
  readonly projector: Projector | null;
}

/** The start as it is asked for; without pipelining if it does not fit and the engine tries again without. */
export function startUse(input: LlamaCppInput, machine: Machine, parts: FurtherParts): StartUse {
  if (machine.devices.length < 2 || input.pipelined !== undefined) return useOf(input, machine, parts);
  const least = leastUse(input, machine, parts);
  const canRetry = least.pools.length > 1 && least.memory.options.rules.retriesWithoutPipeline;
  if (!canRetry) return useOf(input, machine, parts);
  if (hasRoom(least)) {
    const asked = useOf(input, machine, parts);
    if (hasRoom(asked)) return asked;
  }
  return useOf({ ...input, pipelined: false }, machine, parts);
}

/** A start without compute buffers of graphs: a lower bound that costs little. */
export function leastUse(input: LlamaCppInput, machine: Machine, parts: FurtherParts): StartUse {
  return useOf(input, machine, parts, false);
}

function hasRoom({ pools }: StartUse): boolean {
  return pools.every((pool) => spareBytes(pool) >= 0);
}

function useOf(
  input: LlamaCppInput,
  { devices, isUnified }: Machine,
  { companions, projector }: FurtherParts,
  sizesGraphs = true,
): StartUse {
  const memory = engineMemory(input, sizesGraphs);
  const further = companionMemory(companions, input, sizesGraphs);
  const capacityOf = (device: number): number => devices[device]?.memory.usableBytes ?? 0;
  const use = (device: number, parts: readonly BackendMemory[], outputBytes: number): MemoryUse => ({
    capacityBytes: capacityOf(device),
    weightBytes: sum(parts, (part) => part.weights),
    cacheBytes: sum(parts, (part) => part.cache + part.state),
    workBytes: sum(parts, (part) => part.compute) + outputBytes,
  });
  const isOneMemory = isUnified || memory.devices.length === 0;
  const contexts = [memory, ...further];
  const outputs = contexts.reduce((total, { outputBytes }) => total + outputBytes, 0);
  const partsOn = (device: number): readonly BackendMemory[] => [
    ...contexts.flatMap(({ devices: own }) => own[device] ?? []),
    ...(device === 0 && projector?.onDevice === true ? [projectorPart(projector)] : []),
  ];
  const isHostProjector = projector !== null && (memory.devices.length === 0 || !projector.onDevice);
  const hostParts = [
    ...contexts.map(({ host }) => host),
    ...(isHostProjector ? [projectorPart(projector)] : []),
  ];
  const pools = isOneMemory
    ? [use(0, [...memory.devices.flatMap((_, device) => partsOn(device)), ...hostParts], outputs)]
    : memory.devices.map((_, device) => use(device, partsOn(device), 0));
  return { memory, further, pools };
}

function projectorPart({ weightBytes, computeBytes }: Projector): BackendMemory {
  return { weights: weightBytes, cache: 0, state: 0, compute: computeBytes };
}

function sum(parts: readonly BackendMemory[], pick: (part: BackendMemory) => number): number {
  return parts.reduce((total, part) => total + pick(part), 0);
}

function totalBytes({ weightBytes, cacheBytes, workBytes }: MemoryUse): number {
  return weightBytes + cacheBytes + workBytes;
}

function spareBytes(use: MemoryUse): number {
  return use.capacityBytes - totalBytes(use);
}

/** Index of the memory with the least room to spare. */
export function tightestPool(pools: readonly MemoryUse[]): number {
  let tightest = 0;
  pools.forEach((use, index) => {
    const least = pools[tightest];
    if (least !== undefined && spareBytes(use) < spareBytes(least)) tightest = index;
  });
  return tightest;
}

/**
 * Bytes that a start needs of the tightest pool of `started`, so that it fits exactly where every memory has room. Compute
 * buffers can shrink by a little when tensors happen to pack better; that is no room to promise.
 */
export function neededOfPool(started: StartUse, wanted: StartUse): number {
  const tightest = tightestPool(started.pools);
  const overflow = wanted.pools.map((use, index) => {
    const workBytes = Math.max(use.workBytes, started.pools[index]?.workBytes ?? 0);
    return -spareBytes({ ...use, workBytes });
  });
  return Math.max(...overflow) + poolBytes(started.pools[tightest]);
}

/** What a memory has for caches and states once weights and buffers are there. */
export function poolBytes(use: MemoryUse | undefined): number {
  return use === undefined ? 0 : spareBytes(use) + use.cacheBytes;
}

export function deviceMemory({ pools }: StartUse, machine: Machine): readonly DeviceMemory[] {
  const names = deviceNames(machine);
  return pools.map((use, index) => ({
    name: names[index] ?? `device ${index}`,
    hardware: machine.devices[index]?.name ?? '',
    usableBytes: use.capacityBytes,
    weightBytes: use.weightBytes,
    cacheBytes: use.cacheBytes,
    workBytes: use.workBytes,
    spareBytes: spareBytes(use),
  }));
}
