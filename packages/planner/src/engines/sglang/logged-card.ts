/** Finds the card of a log record. */
import { GiB, MiB, PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/sglang.json' with { type: 'json' };
import {
  numberField,
  type RawRecord,
  type ReportedFields,
  type Resolver,
  textField,
} from '../contract/log-record.ts';

export interface LoggedCard {
  readonly hardware: HardwareRecord;
  /** False for a card that is known only by its size or free memory, whose figures are no prediction. */
  readonly isNamed: boolean;
  /** True if the record states neither a card nor free memory: the hardware is only large. */
  readonly isUnknown: boolean;
}

/**
 * Finds the card of a log. If the log had more free memory than the registry's card has, it ran on a larger variant.
 * A card without a name has its size ("16 GB card"); a card that the registry does not know has the free memory before
 * the load.
 */
export function cardOf(record: RawRecord, resolver: Resolver, reported: ReportedFields): LoggedCard {
  const text = textField(record, 'gpu') ?? '';
  const freeBytes = (numberField(reported, 'avail_before_weights_gib') ?? 0) * GiB;
  const sized = (bytes: number): LoggedCard => ({
    hardware: sizedCard(resolver, bytes),
    isNamed: false,
    isUnknown: false,
  });
  const [, full = text, limit] = /^(.+?) limited to (\d{1,3}) GB$/i.exec(text) ?? [];
  const hardware = knownCard(full, resolver);
  if (limit !== undefined && !(hardware instanceof PlimsollError))
    return { hardware: withMemory(hardware, Number(limit) * GiB), isNamed: true, isUnknown: false };
  if (!(hardware instanceof PlimsollError)) {
    const isLarger = freeBytes > hardware.memory.usableBytes;
    return {
      hardware: isLarger ? withMemory(hardware, freeBytes) : hardware,
      isNamed: true,
      isUnknown: false,
    };
  }
  const [, size] = /^(\d{1,3}) GB(?: class)? card$/i.exec(text) ?? [];
  if (size !== undefined) return sized(Number(size) * GiB - driverBytes);
  if (freeBytes > 0) return sized(freeBytes);
  if (/^not stated/i.test(text))
    return { hardware: sizedCard(resolver, unknownBytes), isNamed: false, isUnknown: true };
  throw hardware;
}

function knownCard(text: string, resolver: Resolver): HardwareRecord | PlimsollError {
  try {
    return resolver.hardware(text);
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
}

/** More memory than any card has, so that the weights of every record fit. */
const unknownBytes = 1024 * GiB;

/** Bytes of a card's nominal memory that the driver keeps. */
const driverBytes = facts.driverTotalMib.otherwiseMore * MiB;

/** The rules ask for nothing of an unnamed card but its memory; the rest is of a card that many have. */
function sizedCard(resolver: Resolver, bytes: number): HardwareRecord {
  const { id: _id, ...card } = resolver.hardware('RTX 4090');
  return withMemory({ ...card, id: 'unnamed-card', name: 'card of this size' }, bytes);
}

function withMemory(hardware: HardwareRecord, bytes: number): HardwareRecord {
  const usableBytes = Math.round(bytes);
  return { ...hardware, memory: { ...hardware.memory, usableBytes, nominalBytes: usableBytes } };
}
