/**
 * Chooses the speed assumptions for an engine on a device. Engines fall into four groups by the overhead that data
 * sheets do not explain: compiled (TensorRT-LLM), serving (vLLM, SGLang), local (llama.cpp and similar engines), eager
 * (Transformers). Devices fall into five groups by their memory: HBM, graphics memory, Apple, memory shared with a
 * processor, a processor alone. The values are fitted to published measurements; the data file lists these and the
 * errors.
 */
import { defined } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import type { ComputeFormat } from '../bytes/weight-format.ts';
import {
  type DeviceMemory,
  type SpeedEngine,
  type SpeedProfile,
  type SpeedTable,
  shippedSpeedTable,
  speedEngine,
} from './speed-table.ts';

/**
 * Shares of the data sheet's rates that real kernels reach, and fixed overheads. The registry holds the values and
 * their sources. The default of an optional field leaves its effect out, so that the five required fields alone are
 * mlsysim's assumptions.
 */
export interface SpeedAssumptions {
  /** Share of the matrix units' rate that matrix multiplication reaches. */
  readonly computeEfficiency: number;
  /** Share of the memory bandwidth that reading weights reaches. */
  readonly bandwidthEfficiency: number;
  /** Seconds of a layer that neither bytes nor operations explain: small kernels, their launches and gaps. */
  readonly layerSeconds: number;
  /** Latency of one all-reduce of any size, in seconds. */
  readonly collectiveSeconds: number;
  /** Rate at which the processor reads the weights that do not fit on a device. */
  readonly hostBandwidthBytesPerSecond: number;
  /** Share of the 16-bit rate that attention reaches. Default: `computeEfficiency`. */
  readonly attentionEfficiency?: number;
  /** Share of the bandwidth that reading cached keys and values reaches. Default: `bandwidthEfficiency`. */
  readonly cacheEfficiency?: number;
  /** Factor on the compute efficiency of narrow operand types: their rates are harder to reach. */
  readonly formatEfficiency?: Partial<Record<ComputeFormat, number>>;
  /** Factor on both efficiencies of grouped expert multiplications. */
  readonly expertEfficiency?: number;
  /** Heads that a kernel of sparse latent attention computes at once. Default: 1, without padding. */
  readonly sparseHeads?: number;
  /** Seconds that the indexer of sparse attention adds to its layer. */
  readonly indexerSeconds?: number;
  /** Share of the link bandwidth that an all-reduce reaches. */
  readonly linkEfficiency?: number;
  /** Seconds of host work per step: scheduling, input preparation. */
  readonly stepSeconds?: number;
  /**
   * Share of the shorter activity, reading or computing, that overlaps with the longer. Default: 1, an ideal roofline.
   */
  readonly overlap?: number;
  /** Tokens of one prefill step; each stage of a pipeline works on its own chunk. Default: a whole prompt. */
  readonly chunkTokens?: number;
  /** Seconds that each sequence adds to a step outside the layers: sampling, detokenising, block tables. */
  readonly sequenceSeconds?: number;
  /** Factor on every step of a release whose kernels were young (`stepMaturity`). Default: 1. */
  readonly stepFactor?: number;
  /** A further factor on its matrix products. Default: 1. */
  readonly operationsFactor?: number;
}

/** The kind of memory, which decides the row of the table. */
export function deviceMemory(hardware: HardwareRecord): DeviceMemory {
  if (hardware.class === 'cpu') return 'cpu';
  if (hardware.vendor === 'Apple') return 'apple';
  if (hardware.memory.unified) return 'shared';
  return hardware.memory.kind.includes('HBM') ? 'hbm' : 'graphics';
}

/** Returns the assumptions for an engine, by any of its names, on a device. */
export function speedAssumptions(
  input: { readonly hardware: HardwareRecord; readonly engine: string },
  table: SpeedTable = shippedSpeedTable,
): SpeedAssumptions {
  const { hardware } = input;
  const engine = speedEngine(input.engine);
  const profile = profileFor(table, engine, deviceMemory(hardware));
  const vendor = table.vendors[hardware.vendor] ?? { compute: 1, bandwidth: 1 };
  const isSwitched = hasSwitchedLink(hardware);
  const link = table.links[isSwitched ? 'switched' : 'pcie'];
  // llama.cpp multiplies quantised weights on the 8-bit integer units. It sums 16-bit products in 16 bits, which
  // GeForce cards do at twice the rate that is quoted for sums in 32 bits. Both follow the integer rate.
  const basis = engine === 'llama.cpp' ? integerBasis(hardware) : 1;
  return {
    computeEfficiency: profile.computeEfficiency * vendor.compute * basis,
    attentionEfficiency: profile.attentionEfficiency * vendor.compute * basis,
    bandwidthEfficiency: profile.bandwidthEfficiency * vendor.bandwidth,
    cacheEfficiency: profile.cacheEfficiency * vendor.bandwidth,
    expertEfficiency: profile.expertEfficiency,
    sparseHeads: sparseHeads(hardware, table),
    indexerSeconds: table.sparseAttention.indexerSeconds,
    formatEfficiency: table.formatEfficiency as Partial<Record<ComputeFormat, number>>,
    layerSeconds: profile.layerSeconds,
    stepSeconds: profile.stepSeconds,
    sequenceSeconds: profile.sequenceSeconds,
    overlap: profile.overlap,
    chunkTokens: profile.chunkTokens,
    linkEfficiency: link.efficiency * linkShare(hardware, isSwitched),
    collectiveSeconds: link.collectiveSeconds,
    hostBandwidthBytesPerSecond: table.hostBandwidthBytesPerSecond,
  };
}

/** Finds the row for an engine on a kind of memory, or the nearest row if the table has no row for both. */
function profileFor(table: SpeedTable, engine: SpeedEngine, device: DeviceMemory): SpeedProfile {
  const nearestDevice = { hbm: 'hbm', graphics: 'graphics', apple: 'shared', shared: 'graphics', cpu: 'cpu' }[
    device
  ];
  const row = (name: string, memory: string): SpeedProfile | undefined =>
    table.profiles.find((profile) => profile.engine === name && profile.device === memory);
  const found =
    row(engine, device) ?? row(engine, nearestDevice) ?? row('serving', device) ?? row('llama.cpp', device);
  return defined(found, `no speed profile for ${engine} on ${device} memory`);
}

/** The kernels of sparse latent attention compute this number of heads; a device with fewer heads pads them. */
function sparseHeads({ vendor, computeCapability }: HardwareRecord, { sparseAttention }: SpeedTable): number {
  if (vendor !== 'NVIDIA' || computeCapability === null) return 1;
  const row = sparseAttention.heads.find(({ capabilityMin }) => Number(computeCapability) >= capabilityMin);
  return row?.heads ?? 1;
}

/**
 * True if a switched fabric joins the devices. NVLink bridges join pairs of cards and are sold separately, so that a
 * larger group of cards communicates over PCIe.
 */
export function hasSwitchedLink(hardware: HardwareRecord): boolean {
  if (/pcie/i.test(hardware.id)) return false;
  return hardware.links.some(
    (link) => link.kind !== 'pcie' && link.bytesPerSecondPerDirection >= bridgeBytesPerSecond,
  );
}

/** Limit in one direction: bridges between two cards (RTX 30 series, A40) are slower, switched fabrics are faster. */
const bridgeBytesPerSecond = 1e11;

/** Returns the rate of the link in use over the rate of the fastest link, which the speed model takes. */
function linkShare(hardware: HardwareRecord, isSwitched: boolean): number {
  let fastest = 0;
  let pcie = 0;
  for (const { kind, bytesPerSecondPerDirection } of hardware.links) {
    fastest = Math.max(fastest, bytesPerSecondPerDirection);
    if (kind === 'pcie') pcie = Math.max(pcie, bytesPerSecondPerDirection);
  }
  return isSwitched || pcie === 0 ? 1 : pcie / fastest;
}

/**
 * Half the integer rate over the quoted 16-bit rate: 2 on GeForce, 1 on devices whose integer rate is twice the 16-bit
 * rate.
 */
function integerBasis({ rates, vendor }: HardwareRecord): number {
  const half = rates.bf16 ?? rates.fp16;
  if (vendor !== 'NVIDIA' || half === undefined || rates.int8 === undefined) return 1;
  return Math.max(1, rates.int8 / 2 / half);
}
