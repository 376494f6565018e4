/** Finds the card of a log record. */
import { GiB, MiB } from '@plimsoll/foundation';
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
 * The card of a log. A log that had more memory free than the registry's card has is of a larger variant. "16 GB card"
 * is a card of that size; where a log does not name a card, the free memory before the load tells its size.
 */
export function cardOf(record: RawRecord, resolver: Resolver, reported: ReportedFields): LoggedCard {
  const text = textField(record, 'gpu') ?? '';
  const freeBytes = (numberField(reported, 'avail_before_weights_gib') ?? 0) * GiB;
  const [, size] = /^(\d{1,3}) GB(?: class)? card$/i.exec(text) ?? [];
  if (size !== undefined)
    return {
      hardware: sizedCard(resolver, Number(size) * GiB - driverBytes),
      isNamed: false,
      isUnknown: false,
    };
  if (/^not stated/i.test(text) && freeBytes > 0)
    return { hardware: sizedCard(resolver, freeBytes), isNamed: false, isUnknown: false };
  if (/^not stated/i.test(text))
    return { hardware: sizedCard(resolver, unknownBytes), isNamed: false, isUnknown: true };
  const hardware = resolver.hardware(text);
  const { memory } = hardware;
  return {
    hardware: freeBytes <= memory.usableBytes ? hardware : withMemory(hardware, freeBytes),
    isNamed: true,
    isUnknown: false,
  };
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
