/** Reads the numbers in lines of logs. */
import { GiB, KiB, MiB } from '@plimsoll/foundation';
import { type LogForm, lastMatch } from '../../log-scan.ts';
import type { LogFact, LogLine } from './log-line.ts';

const unitBytes: Readonly<Record<string, number>> = {
  KiB,
  MiB,
  GiB,
  TiB: 1024 * GiB,
  kB: KiB,
  MB: MiB,
  GB: GiB,
  bytes: 1,
  B: 1,
};

/** Converts `224.00 MiB` to bytes. Engines use binary units, even if they print GB. Returns null for other words. */
export function printedBytes(amount: string | undefined, unit: string | undefined): number | null {
  const factor = unitBytes[unit ?? ''];
  const value = Number((amount ?? '').replaceAll(',', ''));
  return factor === undefined || amount === undefined || !Number.isFinite(value) ? null : value * factor;
}

/** Defines a line of fixed words and numbers, such as `seq len (#) is larger than # tokens`. */
export function numberLine(
  form: LogForm,
  isMark: boolean,
  read: (values: readonly number[]) => LogFact | null,
): LogLine {
  return {
    words: form.split('#')[0] ?? '',
    isMark,
    read: (line) => {
      const match = lastMatch(line, form);
      return match === null ? null : read(match.values);
    },
  };
}

/** The error of PyTorch's allocator for CUDA or HIP, with the same words in every engine that uses PyTorch. */
export const torchOutOfMemory: LogLine = {
  words: 'out of memory. Tried to allocate ',
  isMark: false,
  read: (line, at) => {
    const text = line.slice(at, at + 400);
    const [, amount, unit] = /Tried to allocate ([\d.]+) (\w+)/.exec(text) ?? [];
    const [, free, freeUnit] = /of which ([\d.]+) (\w+) is free/.exec(text) ?? [];
    const [, total, totalUnit] = /total capacity of ([\d.]+) (\w+)/.exec(text) ?? [];
    const wanted = printedBytes(amount, unit);
    const left = printedBytes(free, freeUnit);
    const capacity = printedBytes(total, totalUnit);
    const of = capacity === null ? '' : ` on a device of ${total} ${totalUnit}`;
    const software = line.slice(Math.max(0, at - 5), at).trim();
    return {
      ...(capacity !== null && { deviceBytes: capacity }),
      ...(software === 'CUDA' && { deviceVendor: 'NVIDIA' as const }),
      ...(software === 'HIP' && { deviceVendor: 'AMD' as const }),
      error: {
        code: 'out-of-memory',
        message: `the device ran out of memory: ${amount} ${unit} were asked for, ${free ?? 'too few'} ${freeUnit ?? ''} were free${of}`,
        ...(wanted !== null && left !== null && { missingBytes: Math.max(0, wanted - left) }),
      },
    };
  },
};
