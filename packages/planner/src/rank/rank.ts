/**
 * Ranks hardware: plans devices x counts x layouts x weights x cache types under the engine of each device, and sorts
 * the rows by price. Every row has the figures of a plan of its request.
 *
 * The search covers all weights and layouts that users can get. Candidates that break a lower bound (lower-bounds.ts)
 * are lost without a plan; a test compares the result with a search without bounds. The search tries more devices of a
 * kind only if fewer do not serve: for the same users, twice the devices are not twice as fast, so they cost more per
 * hour and per token.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import { nodeDevices } from '../engines/contract/layouts.ts';
import { type EngineName, engineFace } from '../engines/engine-list.ts';
import { otherEngines } from '../engines/other-engines.ts';
import { usualEngine } from '../engines/usual-engine.ts';
import { isMixtureOfFiles } from '../gguf-recipes/file-type.ts';
import { hasSwitchedLink } from '../speed/assumptions.ts';
import { countGroup } from './count-group.ts';
import { orderedRows } from './order.ts';
import type { Ranking, RankQuestion, RankRow } from './rank-question.ts';

/**
 * Most devices in a layout: the number of layouts grows with the divisors of the count, and larger clusters run
 * replicas.
 */
const deviceCountMax = 64;

/** Most kinds of devices in a ranking with a row of every layout: each has a few hundred rows. */
const everyLayoutDevicesMax = 8;

export interface RankOptions {
  /** Called after each device, so that a page or a terminal can show the progress. */
  readonly onDevice?: (done: number, total: number) => void;
  /** False plans every candidate, for the test of the bounds. Default: true. */
  readonly prunes?: boolean;
}

/** Ranks hardware for a question. Throws `bad-device-count` and `too-many-rows`. */
export function rank(question: RankQuestion, options: RankOptions = {}): Ranking {
  checkQuestion(question);
  const { devices } = question;
  const leftOut: Ranking['leftOut'][number][] = [];
  const rows: RankRow[] = [];
  let done = 0;
  for (const device of devices) {
    const reason = unfitBecause(device);
    if (reason === null) rows.push(...deviceRows(question, device, options.prunes ?? true));
    else leftOut.push({ hardware: device.id, reason });
    options.onDevice?.(++done, devices.length);
  }
  const { promptTokens, contextTokens } = question.workload;
  const countsPrompts = promptTokens !== undefined && promptTokens < contextTokens;
  return { rows: orderedRows(rows, question.order), leftOut, countsPrompts };
}

function checkQuestion({ counts, devices, everyLayout, workload }: RankQuestion): void {
  assert(workload.users >= 1 && workload.contextTokens >= 1, 'a ranking is for users with a context');
  const asked = [...(counts?.values() ?? [])].flat();
  const bad = asked.find((count) => !Number.isInteger(count) || count < 1 || count > deviceCountMax);
  if (bad !== undefined) {
    throw new PlimsollError({
      code: 'bad-device-count',
      message: `${bad} is not a number of devices that can be ranked`,
      value: bad,
      limit: `a whole number from 1 to ${deviceCountMax}`,
      hint: 'rank one replica of a larger cluster, for its share of the users',
    });
  }
  if (everyLayout && devices.length > everyLayoutDevicesMax) {
    throw new PlimsollError({
      code: 'too-many-rows',
      message: `every layout of ${devices.length} devices is more rows than anybody reads`,
      value: devices.length,
      limit: `${everyLayoutDevicesMax} devices with a row of every layout`,
      hint: 'name the devices',
    });
  }
}

/** Returns why a device is no candidate; null if it is one. */
export function unfitBecause({ noLanguageModels, deviceCount, name }: HardwareRecord): string | null {
  if (noLanguageModels !== undefined) return noLanguageModels;
  return deviceCount > 1 ? `${name} is a record of ${deviceCount} devices together` : null;
}

/** Returns the rows of one kind of device, from the smallest number of devices up to the first that serves. */
function deviceRows(question: RankQuestion, device: HardwareRecord, prunes: boolean): readonly RankRow[] {
  const engines = enginesOf(question, device);
  const rows: RankRow[] = [];
  const asked = question.counts?.get(device.id);
  for (const count of asked ?? usualCounts(device, engines[0])) {
    const found = firstServing(
      engines.map((engine) => () => countGroup({ question, device, count, engine, prunes })),
    );
    rows.push(...found);
    if (asked === undefined && found.some(({ serves }) => serves)) break;
  }
  return rows;
}

/** Returns the rows of the first engine that serves; if none serves, the rows of the first engine. */
function firstServing(attempts: readonly (() => readonly RankRow[])[]): readonly RankRow[] {
  let first: readonly RankRow[] | null = null;
  for (const attempt of attempts) {
    const rows = attempt();
    if (rows.some(({ serves }) => serves)) return rows;
    first ??= rows;
  }
  return first ?? [];
}

/** Returns the usual engine of the device, and for few users also engines that load other files. */
export function enginesOf(
  { engine, model, weights, workload }: RankQuestion,
  device: HardwareRecord,
): readonly [EngineName, ...EngineName[]] {
  if (engine !== undefined) return [engine];
  if (weights !== undefined && isMixtureOfFiles(weights)) return [usualEngine(device, true)];
  const usual = usualEngine(device, model.source === 'gguf');
  return [usual, ...otherEngines(usual, workload.users)];
}

/** Classes of devices of which a machine can have several. */
const cardClasses: readonly string[] = ['datacenter', 'workstation', 'consumer'];

/**
 * Returns 1, 2, 4 and 8 cards, and for cards with a switched link also two and four nodes; 1 for devices that are no
 * cards.
 */
export function usualCounts(device: HardwareRecord, engine: EngineName): readonly number[] {
  const { split } = engineFace(engine);
  const isCard = cardClasses.includes(device.class) && !device.memory.unified;
  if (!isCard || split === 'nothing') return [1];
  const node = [1, 2, 4, nodeDevices];
  const joinsNodes = split === 'tensors' && hasSwitchedLink(device);
  return joinsNodes ? [...node, 2 * nodeDevices, 4 * nodeDevices] : node;
}
