/** What the page of a model says: its weights in every usual format, what its cache costs, and what holds it. */
import { defined } from '@plimsoll/foundation';
import {
  type Derivation,
  type EngineName,
  type LedgerEntry,
  type Plan,
  plan,
  prepareIfPossible,
  singleDevice,
} from '@plimsoll/planner';
import { type HardwareRecord, resolveHardware } from '@plimsoll/registry';
import type { Holding } from './capacity-grid.ts';
import type { ModelEntry, RegistryFacts } from './registry-facts.ts';

export interface WeightRow {
  /** `bf16`, `Q4_K_M`; the checkpoint's own comes first. */
  readonly format: string;
  readonly isOwn: boolean;
  readonly bytes: number;
}

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
  /** By class of device, those with most memory last. */
  readonly holdings: ReadonlyMap<string, readonly HoldingRow[]>;
  readonly deviceCount: number;
}

/** What people convert to. GGUF mixtures are llama.cpp's; the others are what vLLM loads. */
const formats: readonly { readonly name: string; readonly engine: EngineName }[] = [
  { name: 'bf16', engine: 'none' },
  { name: 'fp8', engine: 'none' },
  { name: 'awq', engine: 'none' },
  { name: 'Q8_0', engine: 'llama.cpp' },
  { name: 'Q4_K_M', engine: 'llama.cpp' },
];
const cacheContexts = [1024, 8192, 32_768, 131_072, 1_048_576];

/** Weights and cache per token do not depend on it; a plan names some device. */
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
  return {
    parameters: own.model.parameters,
    activeParameters: own.model.activeParameters,
    layers: spec.layers.length,
    kvFormat: own.model.kvCache,
    weights: weightRows(entry, own),
    weightEntries: own.ledger.entries.filter(({ category }) => category === 'weights'),
    bytesPerToken: own.capacity.bytesPerToken,
    cache,
    holdings: holdingsByClass(entry, facts),
    deviceCount: facts.devices.length,
  };
}

function weightRows({ spec }: ModelEntry, own: Plan): readonly WeightRow[] {
  const ownBytes = total(own.ledger.entries.filter(({ category }) => category === 'weights'));
  const others = formats.flatMap(({ name, engine }): readonly WeightRow[] => {
    if (name === own.model.weights) return [];
    const workload = { contextTokens: 1, users: 1 };
    const deployment = prepareIfPossible({
      spec,
      hardware: anyDevice,
      parallelism: singleDevice,
      engine,
      weights: name,
      workload,
    });
    return deployment === null ? [] : [{ format: name, isOwn: false, bytes: deployment.weightBytes }];
  });
  return [{ format: own.model.weights, isOwn: true, bytes: ownBytes }, ...others];
}

function holdingsByClass(entry: ModelEntry, facts: RegistryFacts): ModelFacts['holdings'] {
  const byClass = new Map<string, HoldingRow[]>();
  const bySize = [...facts.devices].sort((left, right) => left.memory.usableBytes - right.memory.usableBytes);
  for (const device of bySize) {
    const holding = facts.holding(entry, device);
    if (holding === null) continue;
    const rows = byClass.get(device.class) ?? [];
    rows.push({ device, holding });
    byClass.set(device.class, rows);
  }
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
