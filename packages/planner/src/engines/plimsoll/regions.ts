/** Turns a placement into named regions, which the loader writes, the graphs read and the ledger sums. */
import { assert, defined } from '@plimsoll/foundation';
import type { LedgerCategory } from '../../bytes/ledger.ts';
import { weightTag } from '../../bytes/weights.ts';
import { type CacheLoad, type LayerCache, layerCacheBytes, windowSlotTokens } from './cache-layout.ts';
import { entryPlace, sharedRegions } from './engine-ledger.ts';
import type { EngineParts, ModelParts } from './engine-parts.ts';
import type { PlacedRegion, Placement, UnitRun } from './placement.ts';
import { aligned } from './step-buffers.ts';
import type { UnitTemplate } from './units.ts';
import type { StoredTensor } from './weight-storage.ts';

/** One slice of a stored tensor and its place. */
export interface PlacedTensor extends StoredTensor {
  readonly model: 'model' | 'draft';
  /** Layer number; null outside layers. */
  readonly layer: number | null;
  /** Index of the slice: the expert's number, or 0. */
  readonly slice: number;
  readonly arena: number;
  readonly offset: number;
}

/** The cache of one layer. Block b of a paged cache starts at `offset + b x blockBytes`. */
export interface PlacedCache {
  readonly model: 'model' | 'draft';
  readonly layer: number;
  readonly kind: LayerCache['group']['kind'];
  /** Tokens that a position attends to; null = all tokens before it, or a recurrent state. */
  readonly window: number | null;
  /** Number of blocks, or of state slots. */
  readonly blocks: number;
  readonly blockBytes: number;
  readonly arena: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface PlacedParts {
  readonly regions: readonly PlacedRegion[];
  readonly tensors: readonly PlacedTensor[];
  readonly caches: readonly PlacedCache[];
}

class Writer {
  readonly regions: PlacedRegion[] = [];
  readonly tensors: PlacedTensor[] = [];
  readonly caches: PlacedCache[] = [];
  /** Place of the next region. */
  arena = 0;
  offset = 0;

  add(name: string, category: LedgerCategory, tag: string, sizeBytes: number): void {
    if (sizeBytes === 0) return;
    const { arena, offset } = this;
    this.regions.push({ name, category, tag, arena, offset, bytes: sizeBytes });
    this.offset += aligned(sizeBytes);
  }
}

/** Assigns name, arena and offset to every region, tensor slice and cache of a placement. */
export function placeRegions(parts: EngineParts, load: CacheLoad, placement: Placement): PlacedParts {
  const writer = new Writer();
  const models: readonly ModelParts[] = parts.draft === null ? [parts.model] : [parts.model, parts.draft];
  const templates = models.flatMap((model) => model.templates.map((template) => ({ model, template })));
  for (let arena = 0; arena < placement.usedBytes.length; arena++) {
    writeShared(writer, parts, arena);
    for (const run of placement.runs) {
      if (run.arena !== arena) continue;
      const { model, template } = defined(templates[run.unit], 'a run is of a unit');
      writeRun(writer, { model, template, run, load, isDraft: model === parts.draft });
    }
    const end = placement.usedBytes[arena];
    assert(writer.offset === end, `arena ${arena} ends at ${writer.offset}, planned for ${end}`);
  }
  return writer;
}

/** Writes the regions at the start of an arena. */
function writeShared(writer: Writer, parts: EngineParts, arena: number): void {
  writer.arena = arena;
  writer.offset = 0;
  for (const { category, tag, bytes } of sharedRegions(parts)) {
    writer.add(`${category === 'draft' ? 'draft ' : ''}${tag} ${arena}`, category, tag, bytes);
  }
}

interface RunPart {
  readonly model: ModelParts;
  readonly template: UnitTemplate;
  readonly run: UnitRun;
  readonly load: CacheLoad;
  readonly isDraft: boolean;
}

function writeRun(writer: Writer, part: RunPart): void {
  const { template, run } = part;
  assert(
    writer.arena === run.arena && writer.offset === run.offset,
    `${template.label} begins at ${writer.offset}, planned for ${run.offset}`,
  );
  const isSplit = template.copies > 1;
  for (let copy = run.first; copy < run.end; copy++) {
    for (const tensor of template.tensors) {
      if (isSplit) writeSlice(writer, part, tensor, copy);
      else for (let slice = 0; slice < tensor.slices; slice++) writeSlice(writer, part, tensor, slice);
    }
  }
  if (template.holdsCache && template.layer !== null) writeCaches(writer, part, template.layer);
  if (template.holdsHead) {
    const prefix = part.isDraft ? 'draft ' : '';
    const place = entryPlace(part.isDraft, 'activations', 'head buffers');
    writer.add(`${prefix}head buffers`, place.category, place.tag, part.model.head.bytes);
  }
}

function writeSlice(writer: Writer, part: RunPart, tensor: StoredTensor, slice: number): void {
  const { layer } = part.template;
  const { arena, offset } = writer;
  const model = part.isDraft ? 'draft' : 'model';
  writer.tensors.push({ ...tensor, model, layer, slice, arena, offset });
  const place = entryPlace(part.isDraft, 'weights', weightTag(tensor.role));
  writer.add(
    tensorRegionName({ ...tensor, model, layer, slice }),
    place.category,
    place.tag,
    tensor.sliceBytes,
  );
}

/** Formats `blk 3 attn_q.weight`, `blk 3 ffn_up_exps.weight [7]`, `draft token_embd.weight`. */
function tensorRegionName(
  tensor: Pick<PlacedTensor, 'model' | 'layer' | 'name' | 'slice' | 'slices'>,
): string {
  const { model, layer, name, slice, slices } = tensor;
  const parts = [
    ...(model === 'draft' ? ['draft'] : []),
    ...(layer === null ? [] : [`blk ${layer}`]),
    name,
    ...(slices > 1 ? [`[${slice}]`] : []),
  ];
  return parts.join(' ');
}

function writeCaches(writer: Writer, part: RunPart, layer: number): void {
  const { model, load, isDraft } = part;
  defined(model.caches[layer], `layer ${layer} has a list of caches`).forEach((cache, index) => {
    const { group, grows } = cache;
    const sizeBytes = layerCacheBytes(cache, load);
    const slotTokens = windowSlotTokens(cache, load);
    const isState = group.kind === 'state';
    const blocks = grows
      ? load.poolBlocks
      : load.sequences * (slotTokens === null ? 1 : slotTokens / load.blockTokens);
    writer.caches.push({
      model: isDraft ? 'draft' : 'model',
      layer,
      kind: group.kind,
      window: slotTokens === null ? null : windowOf(part, layer),
      blocks,
      blockBytes: isState ? group.stateBytes : load.blockTokens * group.entryBytes,
      arena: writer.arena,
      offset: writer.offset,
      bytes: sizeBytes,
    });
    const place = entryPlace(part.isDraft, isState ? 'state' : 'kv-cache', group.tag);
    const name = `${isDraft ? 'draft ' : ''}${isState ? 'state' : 'cache'} ${layer}${index > 0 ? ` ${index}` : ''}`;
    writer.add(name, place.category, place.tag, sizeBytes);
  });
}

function windowOf({ model }: RunPart, layer: number): number {
  const attention = defined(model.spec.layers[layer], `there is a layer ${layer}`).attention;
  if (attention.kind === 'chunked') return attention.chunk;
  assert('window' in attention, `layer ${layer} has a window`);
  return attention.window;
}
