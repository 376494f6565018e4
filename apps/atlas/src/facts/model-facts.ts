/** What the page of a model says: its weights in every usual format, what its cache costs, and what holds it. */
import { defined } from '@plimsoll/foundation';
import { type Plan, plan, singleDevice } from '@plimsoll/planner';
import type { Derivation, LedgerEntry } from '@plimsoll/planner/ledger';
import { featuredHardware, type HardwareRecord, resolveHardware } from '@plimsoll/registry';
import type { Holding } from './capacity-grid.ts';
import type { ModelEntry, RegistryFacts } from './registry-facts.ts';
import { type WeightRow, weightRows } from './weight-rows.ts';

export interface CacheRow {
  readonly contextTokens: number;
  readonly bytes: number;
  readonly parts: readonly {
    readonly tag: string;
    readonly bytes: number;
    readonly derivation: Derivation;
  }[];
}

export interface HoldingRow {
  readonly device: HardwareRecord;
  readonly holding: Holding;
}

export interface ModelFacts {
  readonly parameters: number;
  readonly activeParameters: number;
  readonly layers: number;
  readonly kvFormat: string;
  readonly weights: readonly WeightRow[];
  readonly weightEntries: readonly LedgerEntry[];
  readonly bytesPerToken: number;
  readonly cache: readonly CacheRow[];
  /** The registry's featured devices that hold it, in their order. */
  readonly wellKnown: readonly HoldingRow[];
  /** All that serve language models and hold this one, by class: featured ones first, then one device before several and newer before older. */
  readonly holdings: ReadonlyMap<string, readonly HoldingRow[]>;
  /** Devices of the registry that serve language models. */
  readonly deviceCount: number;
}

const cacheContexts = [1024, 8192, 32_768, 131_072, 1_048_576];

const featuredIds: readonly string[] = featuredHardware().map(({ id }) => id);

/** A plan needs a device. Weights and cache per token do not depend on the choice. */
const anyDevice = resolveHardware('h200');

export function modelFacts(entry: ModelEntry, facts: RegistryFacts): ModelFacts {
  const { spec } = entry;
  const planAt = (contextTokens: number): Plan =>
    plan({
      spec,
      hardware: anyDevice,
      parallelism: singleDevice,
      engine: 'none',
      workload: { contextTokens, users: 1 },
    });
  const contexts = cacheContexts.filter((tokens) => tokens <= spec.contextLength);
  const cache = (contexts.length > 0 ? contexts : [spec.contextLength]).map((contextTokens): CacheRow => {
    const entries = planAt(contextTokens).ledger.entries.filter(isCache);
    return {
      contextTokens,
      bytes: total(entries),
      parts: entries.map(({ tag, bytes, derivation }) => ({ tag, bytes, derivation })),
    };
  });
  const own = planAt(1);
  const rows = holdingRows(entry, facts);
  return {
    parameters: own.model.parameters,
    activeParameters: own.model.activeParameters,
    layers: spec.layers.length,
    kvFormat: own.model.kvCache,
    weights: weightRows(spec, {
      format: own.model.weights,
      bytes: total(own.ledger.entries.filter(({ category }) => category === 'weights')),
    }),
    weightEntries: own.ledger.entries.filter(({ category }) => category === 'weights'),
    bytesPerToken: own.capacity.bytesPerToken,
    cache,
    wellKnown: rows
      .filter(({ device }) => featuredIds.includes(device.id))
      .sort((left, right) => featuredPlace(left) - featuredPlace(right)),
    holdings: holdingsByClass(rows),
    deviceCount: facts.servingDevices.length,
  };
}

function holdingRows(entry: ModelEntry, facts: RegistryFacts): readonly HoldingRow[] {
  return facts.servingDevices.flatMap((device) => {
    const holding = facts.holding(entry, device);
    return holding === null ? [] : [{ device, holding }];
  });
}

/** Index among the featured devices. Every other device follows the last of them. */
function featuredPlace({ device }: HoldingRow): number {
  const place = featuredIds.indexOf(device.id);
  return place < 0 ? featuredIds.length : place;
}

function holdingsByClass(rows: readonly HoldingRow[]): ModelFacts['holdings'] {
  const ordered = [...rows].sort(
    (left, right) =>
      featuredPlace(left) - featuredPlace(right) ||
      left.holding.devices - right.holding.devices ||
      right.device.releaseYear - left.device.releaseYear ||
      left.device.name.localeCompare(right.device.name, 'en'),
  );
  const byClass = Map.groupBy(ordered, ({ device }) => device.class);
  const order = deviceClasses.filter((name) => byClass.has(name));
  return new Map(order.map((name) => [name, defined(byClass.get(name), `no devices of class ${name}`)]));
}

/** In the order in which most readers have them. */
const deviceClasses = [
  'datacenter',
  'workstation',
  'consumer',
  'apple',
  'integrated',
  'cpu',
  'edge',
  'mobile',
  'rack',
  'wafer',
  'tiny',
] as const satisfies readonly HardwareRecord['class'][];

function isCache({ category }: LedgerEntry): boolean {
  return category === 'kv-cache' || category === 'state';
}

function total(entries: readonly LedgerEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}
