/** The flags of `plimsoll rank`, and the question they make. */

import { existsSync } from 'node:fs';
import { attempt } from '@plimsoll/foundation/attempt';
import { modelSpecFromRecord } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type EngineName, engineNamed } from '@plimsoll/planner/engines';
import { parseKvFormat } from '@plimsoll/planner/formats';
import type { RankQuestion } from '@plimsoll/planner/rank';
import { type HardwareRecord, listHardware, resolveHardware, shippedRegistry } from '@plimsoll/registry';
import { badFlag } from './flag-values.ts';
import { workloadOf } from './plan-flags.ts';

/** As commander reads them. */
export interface RankFlags {
  readonly users?: string;
  readonly context?: string;
  readonly prompt?: string;
  readonly cachedPrompt?: string;
  readonly gpu?: string;
  readonly engine?: string;
  readonly weights?: string;
  readonly kv?: string;
  readonly maxTpot?: string;
  readonly maxTtft?: string;
  readonly price?: readonly string[];
  readonly sort?: string;
  readonly all?: boolean;
  readonly assume?: string;
  readonly json?: boolean;
}

export function rankQuestion(model: ModelSpec, reference: string, flags: RankFlags): RankQuestion {
  const { devices, counts } = devicesOf(flags.gpu);
  const [engine, engineVersion] = engineOf(flags.engine);
  const prices = pricesOf(flags.price ?? []);
  return {
    model,
    modelReference: existsSync(reference) ? reference : undefined,
    checkpoints: shippedRegistry.checkpointsOf(model.id).map((record) => modelSpecFromRecord(record)),
    conversions: shippedRegistry.conversionsOf(model.id),
    devices: devices.map((device) => ({
      ...device,
      pricePerHourUsd: prices.get(device.id) ?? device.pricePerHourUsd,
    })),
    counts,
    workload: workloadOf(model, flags, engine ?? null),
    engine,
    engineVersion,
    weights: flags.weights,
    kvFormat: flags.kv === undefined || flags.kv === 'auto' ? undefined : parseKvFormat(flags.kv),
    tpotSecondsMax: secondsOf('max-tpot', flags.maxTpot),
    ttftSecondsMax: secondsOf('max-ttft', flags.maxTtft),
    // A user who names a number of cards owns them and asks how to use them, so every layout gets a row.
    everyLayout: flags.all === true || (devices.length > 0 && counts.size === devices.length),
    order: orderOf(flags.sort ?? 'hour'),
  };
}

/** `h100`, `8xh100`, or several of them separated by commas; every device of the registry without the flag. */
function devicesOf(text: string | undefined): {
  readonly devices: readonly HardwareRecord[];
  readonly counts: ReadonlyMap<string, readonly number[]>;
} {
  const counts = new Map<string, number[]>();
  if (text === undefined) return { devices: listHardware().map(({ id }) => resolveHardware(id)), counts };
  const devices = new Map<string, HardwareRecord>();
  for (const part of text.split(',').map((name) => name.trim())) {
    if (part === '') continue;
    const { record, count } = namedDevice(part);
    devices.set(record.id, record);
    if (count !== null) counts.set(record.id, [...(counts.get(record.id) ?? []), count]);
  }
  if (devices.size === 0) throw badFlag('gpu', text, 'names such as h100 or 8xh100, separated by commas');
  return { devices: [...devices.values()], counts };
}

/** A name of the registry wins over a number of devices: "7900 XTX" is one card. */
function namedDevice(text: string): { readonly record: HardwareRecord; readonly count: number | null } {
  const [, digits, name] = /^(\d{1,6})\s*[x*×]\s*(\S.*)$/i.exec(text) ?? [];
  if (digits === undefined || name === undefined) return { record: resolveHardware(text), count: null };
  const whole = attempt(() => resolveHardware(text));
  return whole === null
    ? { record: resolveHardware(name), count: Number(digits) }
    : { record: whole, count: null };
}

function engineOf(text: string | undefined): readonly [EngineName | undefined, string | undefined] {
  if (text === undefined) return [undefined, undefined];
  const [name = '', version] = text.split('@');
  return [engineNamed(name).name, version];
}

/** `h100=2.10` in dollars of one device per hour. */
function pricesOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const prices = new Map<string, number>();
  for (const text of texts.flatMap((list) => list.split(','))) {
    const [, name, usd] = /^(.+)=\s*\$?(\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
    const price = Number(usd);
    if (name === undefined || !(price > 0 && price <= 1e6))
      throw badFlag('price', text, 'NAME=USD, dollars of one device per hour, such as h100=2.10');
    prices.set(resolveHardware(name.trim()).id, price);
  }
  return prices;
}

/** Milliseconds, with or without the unit. */
function secondsOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits] = /^\s*(\d+(?:\.\d+)?)\s*(?:ms)?\s*$/.exec(text) ?? [];
  const milliseconds = Number(digits);
  if (milliseconds > 0 && milliseconds <= 1e9) return milliseconds / 1000;
  throw badFlag(flag, text, 'milliseconds, such as 50');
}

function orderOf(text: string): RankQuestion['order'] {
  if (text === 'hour' || text === 'million') return text;
  throw badFlag('sort', text, 'hour or million');
}
