/**
 * The prefix cache's index as bytes: which content hash lies in which block, so that a restarted engine finds the long
 * conversations of yesterday. The engine stores the blocks' content; this file identifies each block.
 *
 *   offset  0   8   magic "PLIMSKV1"
 *           8   4   length of the header in bytes, then the header: JSON, what the cache belongs to
 *               24  per block and group: block, depth (u32), content hash (4 x u32); least recently used first
 *               16  checksum of all before
 *
 * All numbers are little-endian. A file loads completely or not at all: damaged bytes, or another model, KV format or
 * block size, give a typed error before anything changes, and the cache starts empty.
 */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { wordPreview } from '@plimsoll/foundation/json-preview';
import { BlockHasher, hashWords } from './block-hash.ts';
import type { BlockPool, PublishedBlock } from './block-pool.ts';
import { type BlockId, blockId } from './ids.ts';
import type { SequenceMemory } from './sequence-memory.ts';

/** Everything besides tokens that cached blocks depend on. The configuration adds block size and groups. */
export interface PrefixCacheIdentity {
  /** Hash of the weights, adapters included. */
  readonly modelHash: string;
  /** Element type and layout of keys and values: `f16`, `q8_0`. */
  readonly kvFormat: string;
}

/** Block `block` receives the content that was saved from `savedBlock`. */
export interface LoadedBlock {
  readonly group: number;
  readonly savedBlock: BlockId;
  /** Place of the saved block in the list of its group. */
  readonly ordinal: number;
  readonly block: BlockId;
}

export interface LoadedBlocks {
  readonly blocks: readonly LoadedBlock[];
  /** Number of saved blocks for which the pools have no room. */
  readonly droppedBlocks: number;
}

const magic = new TextEncoder().encode('PLIMSKV1');
const entryBytes = 8 + 4 * hashWords;
const checksumBytes = 4 * hashWords;
const headerStart = magic.length + 4;

/** The header's fields, by the names under which a mismatch is reported. */
type Header = Readonly<Record<string, string | number>>;

/** `groups`: the blocks to save, in the order of `BlockPool.published`. */
export function savePrefixCache(
  memory: SequenceMemory,
  identity: PrefixCacheIdentity,
  groups: readonly (readonly PublishedBlock[])[],
): Uint8Array {
  const counts = groups.map((blocks) => blocks.length);
  const header = new TextEncoder().encode(JSON.stringify({ fields: headerOf(memory, identity), counts }));
  const entryCount = counts.reduce((sum, count) => sum + count, 0);
  const bytes = new Uint8Array(headerStart + header.length + entryCount * entryBytes + checksumBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(magic.length, header.length, true);
  bytes.set(header, headerStart);
  let at = headerStart + header.length;
  for (const { block, depth, hash } of groups.flat()) {
    view.setUint32(at, block, true);
    view.setUint32(at + 4, depth, true);
    for (const [word, value] of hash.entries()) view.setInt32(at + 8 + 4 * word, value, true);
    at += entryBytes;
  }
  bytes.set(checksumOf(bytes.subarray(0, at)), at);
  return bytes;
}

/** `fill` writes the content of every block before the first block can be found. If `fill` throws, nothing changes. */
export function loadPrefixCache(
  memory: SequenceMemory,
  saved: Uint8Array,
  { identity, fill }: { readonly identity: PrefixCacheIdentity; readonly fill: (block: LoadedBlock) => void },
): LoadedBlocks {
  for (const { name, pool } of memory.groups) {
    assert(
      pool.freeCount === pool.blockCount,
      `group ${name} is in use; a prefix cache is loaded into an empty one`,
    );
  }
  const groups = parse(saved, headerOf(memory, identity), memory.groups.length);
  const adopted: {
    readonly loaded: LoadedBlock;
    readonly saved: PublishedBlock;
    readonly pool: BlockPool;
  }[] = [];
  let droppedBlocks = 0;
  for (const [group, { pool }] of memory.groups.entries()) {
    const blocks = groups[group] ?? [];
    // A smaller pool keeps the most recent blocks, which include the head of every tail that it keeps.
    const dropped = Math.max(0, blocks.length - pool.blockCount);
    droppedBlocks += dropped;
    const free = pool.freeOrder();
    for (const [index, saved] of blocks.slice(dropped).entries()) {
      const block = defined(free[index], 'an empty pool has a free block for each');
      const loaded = { group, savedBlock: saved.block, ordinal: dropped + index, block };
      adopted.push({ loaded, saved, pool });
    }
  }
  for (const { loaded } of adopted) fill(loaded);
  for (const { loaded, saved, pool } of adopted) pool.adopt(loaded.block, saved);
  return { blocks: adopted.map(({ loaded }) => loaded), droppedBlocks };
}

function headerOf(memory: SequenceMemory, identity: PrefixCacheIdentity): Header {
  return {
    'model hash': identity.modelHash,
    'KV format': identity.kvFormat,
    'block size': memory.blockSize,
    'cache groups': memory.groups
      .map(({ name, window }) => `${name} (window ${window ?? 'none'})`)
      .join(', '),
  };
}

function checksumOf(content: Uint8Array): Uint8Array {
  const words = new BlockHasher().checksum(content);
  const bytes = new Uint8Array(checksumBytes);
  const view = new DataView(bytes.buffer);
  for (const [word, value] of words.entries()) view.setInt32(4 * word, value, true);
  return bytes;
}

/** Checks everything before it returns the blocks of each group. */
function parse(
  saved: Uint8Array,
  expected: Header,
  groupCount: number,
): readonly (readonly PublishedBlock[])[] {
  if (saved.length < headerStart + checksumBytes) {
    throw torn(`it has ${saved.length} bytes`, saved.length, headerStart + checksumBytes);
  }
  if (magic.some((byte, index) => saved[index] !== byte)) {
    throw torn('it does not begin with PLIMSKV1', new TextDecoder().decode(saved.subarray(0, 8)), 'PLIMSKV1');
  }
  const end = saved.length - checksumBytes;
  const checksum = checksumOf(saved.subarray(0, end));
  if (checksum.some((byte, index) => saved[end + index] !== byte)) {
    throw torn('its checksum is wrong', saved.length, 'the bytes that were written');
  }
  const view = new DataView(saved.buffer, saved.byteOffset, end);
  const headerLength = view.getUint32(magic.length, true);
  if (headerLength > end - headerStart) throw torn('its header is cut off', headerLength, end - headerStart);
  const text = new TextDecoder().decode(saved.subarray(headerStart, headerStart + headerLength));
  const counts = parseHeader(text, expected, groupCount);
  const entryCount = counts.reduce((sum, count) => sum + count, 0);
  let at = headerStart + headerLength;
  if (at + entryCount * entryBytes !== end) {
    throw torn(`it has ${end - at} bytes of entries`, end - at, entryCount * entryBytes);
  }
  return counts.map((count) => {
    const start = at;
    at += count * entryBytes;
    return parseEntries(view, { start, count });
  });
}

function parseHeader(text: string, expected: Header, groupCount: number): readonly number[] {
  let header: { fields: Record<string, unknown>; counts: unknown[] };
  try {
    header = JSON.parse(text) as typeof header;
  } catch (cause) {
    throw new PlimsollError(
      { ...torn('its header is not JSON', text.slice(0, 40), 'JSON').toJSON() },
      { cause },
    );
  }
  for (const [name, limit] of Object.entries(expected)) {
    const value = header.fields?.[name];
    if (value === limit) continue;
    const written = wordPreview(value);
    throw new PlimsollError({
      code: 'prefix-cache-mismatch',
      message: `the saved prefix cache has ${name} ${written}, this engine has ${limit}`,
      value: written,
      limit,
      hint: 'the cache starts empty; delete the file, or start with the settings it was saved under',
    });
  }
  const counts = Array.isArray(header.counts) ? header.counts : [];
  const whole = counts.filter(
    (count): count is number => typeof count === 'number' && Number.isSafeInteger(count) && count >= 0,
  );
  if (whole.length !== groupCount || counts.length !== groupCount) {
    throw torn('its block counts do not match its groups', counts.length, groupCount);
  }
  return whole;
}

function parseEntries(view: DataView, range: { start: number; count: number }): readonly PublishedBlock[] {
  const entries: PublishedBlock[] = [];
  const blocks = new Set<number>();
  const hashes = new Set<string>();
  for (let index = 0; index < range.count; index++) {
    const at = range.start + index * entryBytes;
    const block = view.getUint32(at, true);
    const hash = Array.from({ length: hashWords }, (_, word) => view.getInt32(at + 8 + 4 * word, true));
    blocks.add(block);
    hashes.add(hash.join());
    if (blocks.size <= index || hashes.size <= index) {
      throw torn(`block ${block} or its content is listed twice`, block, 'each once');
    }
    entries.push({ block: blockId(block), depth: view.getUint32(at + 4, true), hash });
  }
  return entries;
}

function torn(how: string, value: string | number, limit: string | number): PlimsollError {
  return new PlimsollError({
    code: 'prefix-cache-torn',
    message: `the saved prefix cache is damaged: ${how}`,
    value,
    limit,
    hint: 'the cache starts empty; delete the file',
  });
}
