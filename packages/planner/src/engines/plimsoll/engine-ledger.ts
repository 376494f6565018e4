/**
 * The ledger of an engine: sums over the regions that `regions.ts` places, without a region object for each of the tens
 * of thousands of experts of a large model. A test compares both to the byte.
 */
import { bytes, formatCount } from '@plimsoll/foundation';
import type { Ledger, LedgerCategory, LedgerEntry } from '../../bytes/ledger.ts';
import { weightTag } from '../../bytes/weights.ts';
import { type CacheLoad, layerCacheBytes } from './cache-layout.ts';
import { controlBytes, type EngineParts, headroomEntries, type ModelParts } from './engine-parts.ts';
import { arenaBytes, type Placement } from './placement.ts';

interface Sum {
  readonly category: LedgerCategory;
  readonly tag: string;
  bytes: number;
  /** Number of regions by their size in bytes. */
  readonly regions: Map<number, number>;
}

/** Sums by category and tag, in order of appearance. */
class Sums {
  readonly #sums = new Map<string, Sum>();

  add(
    place: { readonly category: LedgerCategory; readonly tag: string },
    sizeBytes: number,
    regions = 1,
  ): void {
    const { category, tag } = place;
    if (sizeBytes === 0) return;
    const key = `${category}\n${tag}`;
    const sum = this.#sums.get(key) ?? { category, tag, bytes: 0, regions: new Map() };
    sum.bytes += regions * sizeBytes;
    sum.regions.set(sizeBytes, (sum.regions.get(sizeBytes) ?? 0) + regions);
    this.#sums.set(key, sum);
  }

  values(): readonly Sum[] {
    return [...this.#sums.values()];
  }
}

/**
 * Returns the category and tag of an entry. All entries of a draft have the category `draft`, so that its cost is one
 * number.
 */
export function entryPlace(
  isDraft: boolean,
  category: LedgerCategory,
  tag: string,
): { readonly category: LedgerCategory; readonly tag: string } {
  return isDraft ? { category: 'draft', tag: category === 'weights' ? 'weights' : tag } : { category, tag };
}

/** Lists the regions at the start of every arena, in order. */
export function sharedRegions({ shared }: EngineParts): readonly {
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly bytes: number;
}[] {
  return [
    { category: 'runtime', tag: 'kernel control', bytes: controlBytes },
    { category: 'activations', tag: 'step buffers', bytes: shared.bufferBytes },
    { category: 'workspace', tag: 'quantised activations', bytes: shared.quantisedBytes },
    { category: 'workspace', tag: 'attention scratch', bytes: shared.attentionScratchBytes },
    { category: 'workspace', tag: 'step tables', bytes: shared.tableBytes },
    { category: 'draft', tag: 'step tables', bytes: shared.draftTableBytes },
  ];
}

/** Sums the ledger of an engine for a load and its placement. */
export function engineLedger(
  parts: EngineParts,
  load: CacheLoad,
  placement: Placement,
  freeBytes: number,
): Ledger {
  const arenas = placement.usedBytes.map(arenaBytes);
  const sums = new Sums();
  for (const region of sharedRegions(parts)) sums.add(region, region.bytes, arenas.length);
  addModel(sums, parts.model, load, false);
  if (parts.draft !== null) addModel(sums, parts.draft, load, true);
  const held = sums.values();
  const total = arenas.reduce((sum, size) => sum + size, 0);
  const placed = held.reduce((sum, entry) => sum + entry.bytes, 0);
  return {
    entries: [
      ...held.map((sum) => regionEntry(sum, arenas.length)),
      roundingEntry(total, placed),
      ...parts.runtime,
      ...parts.hostBuffers,
      ...headroomEntries(parts, freeBytes),
    ],
  };
}

function addModel(sums: Sums, model: ModelParts, load: CacheLoad, isDraft: boolean): void {
  for (const { tensors, copies, holdsCache, holdsHead, layer } of model.templates) {
    for (const tensor of tensors) {
      // A template with copies holds one slice of each tensor per copy.
      const slices = copies > 1 ? copies : tensor.slices;
      sums.add(entryPlace(isDraft, 'weights', weightTag(tensor.role)), tensor.sliceBytes, slices);
    }
    for (const cache of holdsCache && layer !== null ? (model.caches[layer] ?? []) : []) {
      const category = cache.group.kind === 'state' ? 'state' : 'kv-cache';
      sums.add(entryPlace(isDraft, category, cache.group.tag), layerCacheBytes(cache, load));
    }
    if (holdsHead) sums.add(entryPlace(isDraft, 'activations', 'head buffers'), model.head.bytes);
  }
}

function regionEntry({ category, tag, bytes: size, regions }: Sum, arenas: number): LedgerEntry {
  return {
    category,
    tag,
    tier: 'device',
    bytes: bytes(size),
    derivation: {
      formula: 'sum over regions of equal size',
      substituted: `${sizes(regions)}, in ${arenas} ${arenas === 1 ? 'arena' : 'arenas'}`,
      source: 'storage plan of the engine',
    },
  };
}

/** Formats "32 regions x 1,024 B + 1 region x 512 B". */
function sizes(regions: ReadonlyMap<number, number>): string {
  return [...regions]
    .map(
      ([size, count]) =>
        `${formatCount(count)} ${count === 1 ? 'region' : 'regions'} x ${formatCount(size)} B`,
    )
    .join(' + ');
}

function roundingEntry(total: number, placed: number): LedgerEntry {
  return {
    category: 'runtime',
    tag: 'arena rounding',
    tier: 'device',
    bytes: bytes(total - placed),
    derivation: {
      formula: 'bytes of arenas - bytes of regions',
      substituted: `${formatCount(total)} - ${formatCount(placed)}`,
      source: 'regions start on lines of 64 bytes, arenas are pages of 64 KiB',
    },
  };
}
