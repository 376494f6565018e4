/** The devices that a question names, as llama.cpp numbers them, after `--device`, `--split-mode none` and `--main-gpu`. */
import { PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import { deviceCount } from '../../bytes/parallelism.ts';
import type { Question } from '../../question/question.ts';
import { type BackendKind, backendTraits } from './backends.ts';
import type { LlamaCppOptions } from './options.ts';
import type { PlacedPattern } from './placement.ts';

export interface Machine {
  readonly backend: BackendKind;
  /** The devices in use; for a CPU the memory of the machine. */
  readonly devices: readonly HardwareRecord[];
  /** The engine's number of each device in use. */
  readonly indices: readonly number[];
  /** True if processor and accelerator share one memory, so that host buffers count against the device. */
  readonly isUnified: boolean;
  /** Share of the layers per device; undefined for equal shares. */
  readonly shares: readonly number[] | undefined;
  readonly overrides: readonly PlacedPattern[];
}

export function machineOf(request: Question<LlamaCppOptions>): Machine {
  const { hardware, parallelism, options } = request;
  const all = request.devices ?? new Array<HardwareRecord>(deviceCount(parallelism)).fill(hardware);
  const named = options?.deviceNames;
  const isCpu = backendOf(hardware) === 'cpu' || named?.length === 0;
  const chosen = named === undefined || isCpu ? [...all.keys()] : named.map((name) => deviceIndex(name, all));
  const indices =
    options?.splitMode === 'none' ? [mainIndex(options, chosen)] : isCpu ? chosen.slice(0, 1) : chosen;
  const devices = indices.map((index) => all[index] ?? hardware);
  return {
    backend: isCpu ? 'cpu' : backendOf(hardware),
    devices,
    indices,
    isUnified: hardware.memory.unified || isCpu,
    shares: sharesOf(options, devices),
    overrides: (options?.tensorOverrides ?? []).map(({ pattern, buffer }) => ({
      pattern,
      backend: isCpu ? 0 : backendNamed(buffer, indices, all),
    })),
  };
}

export function backendOf(hardware: HardwareRecord): BackendKind {
  if (hardware.class === 'apple') return 'metal';
  if (hardware.vendor === 'NVIDIA') return 'cuda';
  if (hardware.vendor === 'AMD' && hardware.gfxTarget !== null) return 'rocm';
  if (hardware.vendor === 'Intel' && hardware.class !== 'cpu') return 'sycl';
  return 'cpu';
}

/** Name of each device, as `--list-devices` prints it. */
export function deviceNames({ backend, indices }: Machine): readonly string[] {
  const prefix = backend === 'metal' ? 'MTL' : backendTraits[backend].bufferName;
  return indices.map((index) => (backend === 'cpu' ? 'CPU' : `${prefix}${index}`));
}

/** `--main-gpu`, an index among the devices that `--device` leaves. */
function mainIndex({ mainDevice = 0 }: LlamaCppOptions, chosen: readonly number[]): number {
  const index = chosen[mainDevice];
  if (index !== undefined) return index;
  throw new PlimsollError({
    code: 'main-gpu',
    message: `--main-gpu ${mainDevice} is not one of the ${chosen.length} devices in use`,
    value: mainDevice,
    limit: `an index from 0 to ${chosen.length - 1}`,
    hint: '-mg 0',
  });
}

/** `--tensor-split`; without it llama.cpp splits by free memory. */
function sharesOf(
  options: LlamaCppOptions | undefined,
  devices: readonly HardwareRecord[],
): readonly number[] | undefined {
  const split = options?.tensorSplit;
  if (split !== undefined) {
    if (split.length > devices.length) {
      throw new PlimsollError({
        code: 'tensor-split-devices',
        message: `--tensor-split has ${split.length} shares for ${devices.length} devices`,
        value: split.join(','),
        limit: devices.length,
        hint: 'name the devices with --gpu rtx-3090,rtx-4070, or give fewer shares',
      });
    }
    return devices.map((_, index) => split[index] ?? 0);
  }
  const free = devices.map(({ memory }) => memory.usableBytes);
  return new Set(free).size > 1 ? free : undefined;
}

/** Place of a buffer's device among those in use. The CPU is the backend after the devices. */
function backendNamed(buffer: string, indices: readonly number[], all: readonly HardwareRecord[]): number {
  const place = /^CPU$|_Host$/i.test(buffer) ? -1 : indices.indexOf(deviceIndex(buffer, all));
  return place === -1 ? indices.length : place;
}

export function deviceIndex(name: string, devices: readonly HardwareRecord[]): number {
  const index = Number(/\d+$/.exec(name)?.[0] ?? 0);
  if (index < devices.length) return index;
  throw new PlimsollError({
    code: 'unknown-device-name',
    message: `${name} is not one of the ${devices.length} devices of the plan`,
    value: name,
    limit: `an index from 0 to ${devices.length - 1}`,
    hint: 'name every device with --gpu rtx-3090,rtx-4070',
  });
}
