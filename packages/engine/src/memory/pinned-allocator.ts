/**
 * Host memory outside the arenas, for the KV blocks of preempted sequences. The pool has a fixed size. A plan counts
 * the pool, and `MemoryManager.adopt` opens it; without a plan the pool opens with its first block.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { FreeSpace } from './free-space.ts';
import type { Charge, MemoryAccount } from './memory-account.ts';

/** A block of the pool. It is valid until it is released. */
export interface PinnedBlock {
  readonly tag: string;
  readonly offset: number;
  readonly bytes: number;
  readonly view: Uint8Array<SharedArrayBuffer>;
}

interface Pool {
  readonly buffer: SharedArrayBuffer;
  readonly space: FreeSpace;
  readonly charge: Charge;
}

const lineBytes = 64;

export class PinnedAllocator {
  readonly poolBytes: number;
  readonly #account: MemoryAccount;
  readonly #blocks = new Set<PinnedBlock>();
  #pool: Pool | null = null;

  constructor(account: MemoryAccount, poolBytes: number) {
    assert(Number.isSafeInteger(poolBytes) && poolBytes >= 0, `a staging pool of ${poolBytes} bytes`);
    this.#account = account;
    this.poolBytes = poolBytes;
  }

  get isOpen(): boolean {
    return this.#pool !== null;
  }

  /** Bytes of the pool; 0 while it is closed. */
  get allocatedBytes(): number {
    return this.#pool === null ? 0 : this.poolBytes;
  }

  get freeBytes(): number {
    return this.#pool?.space.freeBytes ?? this.poolBytes;
  }

  /** Opens the pool before the first block. */
  open(): void {
    if (this.poolBytes > 0) this.#opened();
  }

  #opened(): Pool {
    if (this.#pool !== null) return this.#pool;
    const charge = this.#account.charge(
      { category: 'workspace', tag: 'staging', tier: 'host' },
      this.poolBytes,
    );
    this.#pool = {
      buffer: new SharedArrayBuffer(this.poolBytes),
      space: new FreeSpace(this.poolBytes),
      charge,
    };
    return this.#pool;
  }

  /** Allocates a block, aligned to 64 bytes. Throws code `staging-full` if the pool has no room. */
  allocate({ tag, bytes }: { readonly tag: string; readonly bytes: number }): PinnedBlock {
    assert(Number.isSafeInteger(bytes) && bytes > 0, `${tag}: a block of ${bytes} bytes`);
    if (bytes > this.poolBytes) throw this.#refusal(tag, bytes);
    const { buffer, space } = this.#opened();
    const offset = space.take(bytes, lineBytes);
    if (offset === null) throw this.#refusal(tag, bytes);
    const block = { tag, offset, bytes, view: new Uint8Array(buffer, offset, bytes) };
    this.#blocks.add(block);
    return block;
  }

  release(block: PinnedBlock): void {
    assert(this.#blocks.delete(block), `${block.tag}: released twice, or never allocated here`);
    this.#pool?.space.give(block.offset, block.bytes);
  }

  /** Frees the pool. Every block must have been released. */
  close(): void {
    assert(this.#blocks.size === 0, `the staging pool is closed with ${this.#blocks.size} blocks in use`);
    if (this.#pool === null) return;
    this.#account.discharge(this.#pool.charge);
    this.#pool = null;
  }

  checkIntegrity(): void {
    if (this.#pool === null) {
      assert(this.#blocks.size === 0, 'blocks of a pool that was never made');
      return;
    }
    const { space } = this.#pool;
    space.checkIntegrity();
    let used = 0;
    for (const block of this.#blocks) used += block.bytes;
    assert(
      used + space.freeBytes === this.poolBytes,
      `${used} used and ${space.freeBytes} free bytes of staging`,
    );
  }

  #refusal(tag: string, bytes: number): PlimsollError {
    return new PlimsollError({
      code: 'staging-full',
      message: `${tag} needs ${bytes} bytes of staging; ${this.freeBytes} of ${this.poolBytes} are free`,
      value: bytes,
      limit: this.freeBytes,
      hint: 'allocate smaller blocks, or raise stagingBytes',
    });
  }
}
