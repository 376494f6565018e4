/**
 * Device memory: a set of arenas with regions. Every region has a category and a tag. An allocation that would reach
 * into the headroom is refused, with the numbers. The report also counts the bytes of arenas outside regions
 * (alignment, whole pages, free space), so that the ledger covers everything that the engine holds.
 *
 * A plan opens an arena with its exact size; `allocate` opens one for a region that fits in no open arena. An arena
 * closes with its last region. Indices are never reused, so a stale region cannot point into a new arena.
 */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { arenaBytesLimit, pageBytes } from '@plimsoll/planner/engine-memory';
import type { LedgerCategory, LedgerEntry } from '@plimsoll/planner/ledger';
import { Arena, type ArenaMemory, type ArenaSource } from './arena.ts';
import { type Held, ledgerEntries } from './ledger-entries.ts';
import type { Charge, MemoryAccount } from './memory-account.ts';

export interface RegionRequest {
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly bytes: number;
  /** Bytes, a power of two up to a page. Default: a cache line of 64. */
  readonly alignment?: number;
  /** Index of the arena. Default: any arena with room, or a new one. */
  readonly arena?: number;
}

/** A range of bytes in an arena. Kernels call `offset` a pointer. */
export interface Region {
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly arena: number;
  readonly offset: number;
  readonly bytes: number;
}

interface OpenArena<Memory extends ArenaMemory> {
  readonly arena: Arena<Memory>;
  readonly charge: Charge;
}

const lineBytes = 64;
const roundingTag = 'arena rounding';

export class VramAllocator<Memory extends ArenaMemory> {
  readonly #account: MemoryAccount;
  readonly #source: ArenaSource<Memory>;
  readonly #arenaBytesMax: number;
  readonly #arenas = new Map<number, OpenArena<Memory>>();
  readonly #regions = new Set<Region>();
  #arenasMade = 0;

  constructor(account: MemoryAccount, source: ArenaSource<Memory>, arenaBytesMax: number = arenaBytesLimit) {
    this.#account = account;
    this.#source = source;
    this.#arenaBytesMax = arenaBytesMax;
  }

  get totalBytes(): number {
    return this.#account.totalBytes;
  }

  get headroomBytes(): number {
    return this.#account.headroomBytes;
  }

  /** Bytes of all open arenas. */
  get allocatedBytes(): number {
    let sum = 0;
    for (const { arena } of this.#arenas.values()) sum += arena.sizeBytes;
    return sum;
  }

  /** Bytes that new arenas may still take. */
  get availableBytes(): number {
    return this.#account.availableBytes;
  }

  /** Indices of the open arenas. */
  get arenas(): readonly number[] {
    return [...this.#arenas.keys()];
  }

  get regionCount(): number {
    return this.#regions.size;
  }

  memory(arena: number): Memory {
    return this.#arena(arena).memory;
  }

  /** A view of a region's bytes. Do not use it after the region is released. */
  view(region: Region): Uint8Array {
    assert(this.#regions.has(region), `${region.tag}: read after release, or never allocated here`);
    return new Uint8Array(this.memory(region.arena).buffer, region.offset, region.bytes);
  }

  /**
   * Opens an arena of `sizeBytes`, rounded up to whole pages, and returns its index. Throws code `arena-too-large`,
   * `out-of-memory-budget`, or the error of the arena's source.
   */
  openArena(sizeBytes: number): number {
    const whole = Math.ceil(sizeBytes / pageBytes) * pageBytes;
    if (whole > this.#arenaBytesMax || sizeBytes <= 0) throw this.#arenaTooLarge(sizeBytes);
    const purpose = { category: 'runtime', tag: roundingTag, tier: 'device' } as const;
    const charge = this.#account.charge(purpose, whole);
    try {
      const index = this.#arenasMade;
      const arena = new Arena(index, this.#source(whole), whole);
      this.#arenas.set(index, { arena, charge });
      this.#arenasMade++;
      return index;
    } catch (error) {
      this.#account.discharge(charge);
      throw error;
    }
  }

  /**
   * Allocates a region in the first open arena with room, else in a new arena. Throws code `arena-full` if the
   * requested arena has no room, and the errors of `openArena`.
   */
  allocate(request: RegionRequest): Region {
    const { category, tag, bytes, alignment = lineBytes } = request;
    assert(Number.isSafeInteger(bytes) && bytes > 0, `${tag}: a region of ${bytes} bytes`);
    assert(
      Number.isInteger(Math.log2(alignment)) && alignment <= pageBytes,
      `${tag}: an alignment of ${alignment} is not a power of two up to a page`,
    );
    const candidates = request.arena === undefined ? this.arenas : [request.arena];
    for (const index of candidates) {
      const arena = this.#arena(index);
      const offset = arena.space.take(bytes, alignment);
      if (offset !== null) return this.#keep({ category, tag, arena: arena.index, offset, bytes });
    }
    if (request.arena !== undefined) throw this.#arenaFull(request.arena, request);
    const arena = this.#arena(this.openArena(bytes));
    const offset = defined(
      arena.space.take(bytes, alignment),
      'a new arena has room for what it was made for',
    );
    return this.#keep({ category, tag, arena: arena.index, offset, bytes });
  }

  /** Takes exactly the bytes that a plan states. Asserts that they are free. */
  place({ category, tag, arena, offset, bytes }: Region): Region {
    const isTaken = !this.#arena(arena).space.takeAt(offset, bytes);
    assert(!isTaken, `${tag}: [${offset}, ${offset + bytes}) of arena ${arena} is not free`);
    return this.#keep({ category, tag, arena, offset, bytes });
  }

  #keep(region: Region): Region {
    this.#regions.add(region);
    return region;
  }

  /** Releases a region, and closes its arena after the last region. Asserts that this allocator holds the region. */
  release(region: Region): void {
    assert(this.#regions.delete(region), `${region.tag}: released twice, or never allocated here`);
    const arena = this.#arena(region.arena);
    arena.space.give(region.offset, region.bytes);
    if (arena.space.isEmpty) this.closeArena(region.arena);
  }

  /** Closes an arena without regions. */
  closeArena(index: number): void {
    const { arena, charge } = this.#open(index);
    assert(
      arena.space.isEmpty,
      `arena ${index} is closed with ${arena.sizeBytes - arena.space.freeBytes} bytes in use`,
    );
    this.#arenas.delete(index);
    this.#account.discharge(charge);
  }

  /** Bytes of the arenas by category and tag. The entries sum to `allocatedBytes`. */
  report(): readonly LedgerEntry[] {
    return ledgerEntries(this.#held(), 'arenas of the engine');
  }

  *#held(): Iterable<Held> {
    for (const { category, tag, bytes } of this.#regions) yield { category, tag, tier: 'device', bytes };
    for (const { arena } of this.#arenas.values()) {
      yield { category: 'runtime', tag: roundingTag, tier: 'device', bytes: arena.space.freeBytes };
    }
  }

  /** Asserts that regions lie in open arenas, do not overlap, and together with the free space fill the arenas. */
  checkIntegrity(): void {
    this.#account.checkIntegrity();
    const used = new Map<number, number>();
    const ordered = [...this.#regions].sort((a, b) => a.arena - b.arena || a.offset - b.offset);
    for (const [position, region] of ordered.entries()) {
      const next = ordered[position + 1];
      const end = region.offset + region.bytes;
      assert(this.#arenas.has(region.arena), `${region.tag} lies in a closed arena`);
      assert(
        next === undefined || next.arena !== region.arena || end <= next.offset,
        `${region.tag} overlaps ${next?.tag}`,
      );
      used.set(region.arena, (used.get(region.arena) ?? 0) + region.bytes);
    }
    for (const { arena } of this.#arenas.values()) {
      const { index, space, sizeBytes } = arena;
      space.checkIntegrity();
      const sum = (used.get(index) ?? 0) + space.freeBytes;
      assert(sum === sizeBytes, `arena ${index}: regions and free space sum to ${sum}, not ${sizeBytes}`);
    }
    const reported = this.report().reduce((sum, entry) => sum + entry.bytes, 0);
    assert(reported === this.allocatedBytes, `tags sum to ${reported}, arenas to ${this.allocatedBytes}`);
  }

  #open(index: number): OpenArena<Memory> {
    return defined(this.#arenas.get(index), `arena ${index} is not open`);
  }

  #arena(index: number): Arena<Memory> {
    return this.#open(index).arena;
  }

  #arenaTooLarge(sizeBytes: number): PlimsollError {
    return new PlimsollError({
      code: 'arena-too-large',
      message: `an arena of ${sizeBytes} bytes cannot be opened`,
      value: sizeBytes,
      limit: this.#arenaBytesMax,
      hint: 'each tensor and each cache must fit in one arena: use a smaller format or fewer sequences',
    });
  }

  #arenaFull(arena: number, { tag, bytes }: RegionRequest): PlimsollError {
    const { freeBytes } = this.#arena(arena).space;
    return new PlimsollError({
      code: 'arena-full',
      message: `${tag} needs ${bytes} contiguous bytes; arena ${arena} has no free range of that size`,
      value: bytes,
      limit: freeBytes,
      hint: 'add the region to the plan, so that the arena is large enough',
    });
  }
}
