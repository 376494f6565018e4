/**
 * The facts of a card that SGLang reads before it loads weights: the total that the driver's tool prints, and the free
 * memory.
 */
import { GiB, MiB } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/sglang.json' with { type: 'json' };

const driverTotals: Readonly<Record<string, number>> = facts.driverTotalMib.cards;

/**
 * Returns the total memory in MiB as nvidia-smi prints it: a few hundred MiB more than a process can use. AMD's tool
 * prints the whole memory. Integrated devices have no such figure, so SGLang asks torch (sglang/srt/utils,
 * get_nvgpu_memory_capacity).
 */
export function driverTotalMib(hardware: HardwareRecord): number {
  const seen = Math.floor(hardware.memory.usableBytes / MiB);
  const known = Object.hasOwn(driverTotals, hardware.id) ? driverTotals[hardware.id] : undefined;
  // A limit of the user (--memory) is below the registry's size of the card.
  if (known !== undefined && seen <= known && known - seen < 2 * facts.driverTotalMib.otherwiseMore)
    return known;
  return hardware.vendor === 'NVIDIA' && !hardware.memory.unified
    ? seen + facts.driverTotalMib.otherwiseMore
    : seen;
}

/** Returns the bytes of CUDA or ROCm contexts, and of collective buffers that exist before the weights load. */
export function contextBytes(
  hardware: HardwareRecord,
  ranks: number,
): {
  readonly bytes: number;
  readonly fitted: string;
} {
  const isLinked = hardware.links.some(({ kind }) => kind === 'nvlink' || kind === 'xgmi');
  const row = facts.contextGib.rows.find(
    (candidate) =>
      ranks >= candidate.ranks &&
      (candidate.vendor === undefined || candidate.vendor === hardware.vendor) &&
      (candidate.linked === undefined || candidate.linked === isLinked) &&
      (candidate.unified === undefined || candidate.unified === hardware.memory.unified),
  );
  return { bytes: Math.round((row?.gib ?? 0) * GiB), fitted: row?.fitted ?? 'no log' };
}
