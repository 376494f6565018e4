/** The memory limit of the process. Default: a share of the free memory of the machine or of its container. */
import { formatBytes, parseBytes } from '@plimsoll/foundation';

/** The other 20 % are for the page cache of the model's file and for other programs. */
const shareOfFree = 0.8;

export interface MemoryLimit {
  readonly bytes: number;
  /** Source of the number, for messages: `--memory`, `80 % of 22.11 GiB free`. */
  readonly source: string;
}

export function memoryLimit(flag: string | undefined): MemoryLimit {
  if (flag !== undefined) return { bytes: parseBytes(flag), source: '--memory' };
  // Node returns the rest of the control group's limit if there is one, else the free memory of the machine.
  const freeBytes = process.availableMemory();
  const limitBytes = process.constrainedMemory();
  const isContained = limitBytes > 0 && freeBytes < limitBytes && limitBytes < 2 ** 50;
  const where = isContained ? `left of the ${formatBytes(limitBytes)} of this container` : 'free';
  return {
    bytes: Math.floor(shareOfFree * freeBytes),
    source: `${100 * shareOfFree} % of ${formatBytes(freeBytes)} ${where}`,
  };
}
