/** What the process may take when nobody says: a share of what the machine, or the container around us, has free. */
import { formatBytes, parseBytes } from '@plimsoll/foundation';

/** The rest is for the page cache of the model's file and for other programs. */
const shareOfFree = 0.8;

export interface MemoryLimit {
  readonly bytes: number;
  /** Where the number comes from, for people: `--memory`, `80 % of 22.11 GiB free`. */
  readonly source: string;
}

export function memoryLimit(flag: string | undefined): MemoryLimit {
  if (flag !== undefined) return { bytes: parseBytes(flag), source: '--memory' };
  // Node counts what a control group still allows where there is one, and what the machine has free elsewhere.
  const freeBytes = process.availableMemory();
  const limitBytes = process.constrainedMemory();
  const isContained = limitBytes > 0 && freeBytes < limitBytes && limitBytes < 2 ** 50;
  const where = isContained ? `left of the ${formatBytes(limitBytes)} of this container` : 'free';
  return {
    bytes: Math.floor(shareOfFree * freeBytes),
    source: `${100 * shareOfFree} % of ${formatBytes(freeBytes)} ${where}`,
  };
}
