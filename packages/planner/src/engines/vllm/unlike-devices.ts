/**
 * Unlike devices in one group. vLLM gives every rank the same part of a layer and every stage its layers in the order of the
 * devices; all ranks use the number of blocks of the smallest pool (vllm/v1/core/kv_cache_utils.py, get_kv_cache_configs).
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import { deviceCount, type Parallelism } from '../../bytes/parallelism.ts';
import { type DeviceMemory, fixedDeviceBytes } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import type { BlockLayout } from './kv-blocks.ts';

/** What a device of a pipeline stage holds. */
interface HeldMemory {
  readonly fixed: readonly LedgerEntry[];
  readonly layout: BlockLayout;
}

type Split = Pick<Question, 'devices' | 'hardware' | 'parallelism'>;

/** Throws `device-count` if the split has other than the given devices. */
export function checkDeviceCount({ devices, parallelism }: Split): void {
  const needed = deviceCount(parallelism);
  if (devices === undefined || devices.length === needed) return;
  throw new PlimsollError({
    code: 'device-count',
    message: `a split over ${needed} devices does not use the ${devices.length} devices that are named`,
    value: devices.map(({ id }) => id).join(','),
    limit: `${needed} devices, for --tp ${parallelism.tensor}, --pp ${parallelism.pipeline} and --dp ${parallelism.data}`,
    hint: `--tp ${devices.length}, or --pp ${devices.length}`,
  });
}

/** The device with the least memory of a pipeline stage. */
export function stageDevice(split: Split, index: number): HardwareRecord {
  return stageDevices(split, index).reduce((least, device) =>
    device.memory.usableBytes < least.memory.usableBytes ? device : least,
  );
}

function stageDevices({ devices, hardware, parallelism }: Split, index: number): readonly HardwareRecord[] {
  const found = (devices ?? []).filter((_, rank) => stageOf(rank, parallelism) === index);
  return found.length === 0 ? [hardware] : found;
}

/** Ranks count tensor-parallel devices first, then stages, then groups. */
function stageOf(rank: number, { tensor, pipeline }: Parallelism): number {
  return Math.floor(rank / tensor) % pipeline;
}

/** Every device of the split with what it holds; undefined where all are alike. */
export function unlikeMemory(
  split: Split,
  stages: readonly HeldMemory[],
  blocks: number,
): readonly DeviceMemory[] | undefined {
  const { devices, parallelism } = split;
  return devices?.map(({ name, memory }, rank) => {
    const stage = stages[stageOf(rank, parallelism)];
    const held = (stage?.fixed ?? []).filter(({ category }) => category !== 'headroom');
    const weightBytes = fixedDeviceBytes(held.filter(({ category }) => category === 'weights'));
    const workBytes = fixedDeviceBytes(held.filter(({ category }) => category !== 'weights'));
    const cacheBytes = blocks * (stage?.layout.blockBytes ?? 0);
    const { usableBytes } = memory;
    return {
      ...{ name: `rank ${rank}`, hardware: name, usableBytes, weightBytes, cacheBytes, workBytes },
      spareBytes: usableBytes - weightBytes - cacheBytes - workBytes,
    };
  });
}
