/** Saves the prefix cache of a running engine to a file, and loads it into an engine without requests. */

import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { defined } from '@plimsoll/foundation';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import type { Scheduler } from '@plimsoll/serving';
import type { PrefixCacheIdentity } from '@plimsoll/serving/saved-cache';
import type { Forward } from '../forward/forward.ts';
import { type CacheLayout, CacheWriter, checkCacheFile, torn } from './cache-file.ts';

export interface CacheParts {
  readonly scheduler: Scheduler;
  /** The forward pass of the model, and of the draft model if there is one. */
  readonly forwards: readonly Forward[];
  readonly identity: PrefixCacheIdentity;
}

export interface SavedPrefixCache {
  readonly blocks: number;
  readonly fileBytes: number;
}

export interface LoadedPrefixCache {
  readonly blocks: number;
  /** Blocks of the file that the cache has no room for: the least recently used ones. */
  readonly droppedBlocks: number;
}

function blockBytesOf(forwards: readonly Forward[], group: number): number {
  return forwards.reduce((sum, forward) => sum + forward.blockBytes(group), 0);
}

/**
 * Writes every cached block while the engine serves. Between two parts of the file a step may evict blocks that the
 * file has yet to read; these are left out.
 */
export async function saveCache(path: string, parts: CacheParts): Promise<SavedPrefixCache> {
  const { scheduler, forwards, identity } = parts;
  const sizes = scheduler.config.groups.map((_, group) => blockBytesOf(forwards, group));
  let blocks = 0;
  const fileBytes = await CacheWriter.replace(path, Math.max(0, ...sizes), async (writer) => {
    const groups: { offset: number; blockBytes: number }[] = [];
    const saved = [];
    for (const [group, cached] of scheduler.cachedBlocks().entries()) {
      const blockBytes = sizes[group] ?? 0;
      groups.push({ offset: writer.offset, blockBytes });
      const kept = [];
      for (const block of cached) {
        await writer.reserve(blockBytes);
        if (!scheduler.isCached(group, block)) continue;
        readBlock(forwards, { group, block: block.block }, writer.place(blockBytes));
        kept.push(block);
      }
      saved.push(kept);
      blocks += kept.length;
    }
    const index = scheduler.savePrefixCache(identity, saved);
    const layout: CacheLayout = { groups, index: { offset: writer.offset, bytes: index.length } };
    await writer.add(index);
    return layout;
  });
  return { blocks, fileBytes };
}

/**
 * Loads a file; null if there is none. Throws code `prefix-cache-torn` or `prefix-cache-mismatch` for a file that is
 * damaged or belongs to another engine; the cache is empty then.
 */
export async function loadCache(path: string, parts: CacheParts): Promise<LoadedPrefixCache | null> {
  const { scheduler, forwards, identity } = parts;
  const file = await openIfExists(path);
  if (file === null) return null;
  try {
    const { layout, index } = await checkCacheFile(file);
    const loaded = scheduler.loadPrefixCache(index, identity, ({ group, ordinal, block }) => {
      const { offset, blockBytes } = defined(layout.groups[group], 'a layout has every group of its index');
      if (blockBytes !== blockBytesOf(forwards, group)) throw torn(`its blocks have ${blockBytes} bytes`);
      writeBlock(forwards, { group, block }, readAt(file, offset + ordinal * blockBytes, blockBytes));
    });
    return { blocks: loaded.blocks.length, droppedBlocks: loaded.droppedBlocks };
  } finally {
    await file.close();
  }
}

async function openIfExists(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Synchronous, because the scheduler takes all blocks in one turn of the event loop. */
function readAt({ fd }: FileHandle, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; ) {
    const count = readSync(fd, bytes, start, length - start, offset + start);
    if (count === 0) throw torn(`it ends at byte ${offset + start}`);
    start += count;
  }
  return bytes;
}

interface BlockPlace {
  readonly group: number;
  readonly block: number;
}

function readBlock(forwards: readonly Forward[], { group, block }: BlockPlace, into: Uint8Array): void {
  for (const [forward, part] of partsOf(forwards, group, into)) forward.readBlock(group, block, part);
}

function writeBlock(forwards: readonly Forward[], { group, block }: BlockPlace, from: Uint8Array): void {
  for (const [forward, part] of partsOf(forwards, group, from)) forward.writeBlock(group, block, part);
}

function* partsOf(
  forwards: readonly Forward[],
  group: number,
  bytes: Uint8Array,
): Generator<readonly [Forward, Uint8Array]> {
  let offset = 0;
  for (const forward of forwards) {
    const size = forward.blockBytes(group);
    yield [forward, bytes.subarray(offset, offset + size)];
    offset += size;
  }
}
