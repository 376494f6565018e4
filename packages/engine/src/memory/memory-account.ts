/**
 * The one account that every allocator of an engine draws on. It knows how much memory there is, how much must stay
 * free, and who holds what; it holds no memory itself. Under `--memory N` its total is N, so that arenas, staging and
 * what Node takes add up to one bounded process.
 */
import { assert, formatBytes, PlimsollError } from '@plimsoll/foundation';
import type { LedgerCategory, MemoryTier } from '@plimsoll/planner/ledger';

export interface AccountLimits {
  readonly totalBytes: number;
  /** Bytes that no allocation may take. */
  readonly headroomBytes: number;
}

/** One purpose that bytes are held for. */
export interface Purpose {
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly tier: MemoryTier;
}

/** Proof of a charge; given back once. */
export interface Charge extends Purpose {
  readonly bytes: number;
}

export class MemoryAccount {
  readonly totalBytes: number;
  #headroomBytes: number;
  readonly #charges = new Set<Charge>();
  #allocatedBytes = 0;

  constructor({ totalBytes, headroomBytes }: AccountLimits) {
    assert(
      Number.isSafeInteger(totalBytes) && totalBytes >= 0,
      `an account of ${totalBytes} bytes is not a whole number of bytes`,
    );
    assert(
      headroomBytes <= totalBytes && headroomBytes >= 0,
      `a headroom of ${headroomBytes} bytes does not fit in ${totalBytes}`,
    );
    this.totalBytes = totalBytes;
    this.#headroomBytes = headroomBytes;
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  get headroomBytes(): number {
    return this.#headroomBytes;
  }

  /** Changes what must stay free. More than is free now is refused like an allocation. */
  keepFree(sizeBytes: number): void {
    assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, `a headroom of ${sizeBytes} bytes`);
    if (sizeBytes > this.totalBytes - this.#allocatedBytes) {
      throw this.#refusal({ category: 'headroom', tag: 'kept free', tier: 'device' }, sizeBytes);
    }
    this.#headroomBytes = sizeBytes;
  }

  /** What a charge may still take. Never negative. */
  get availableBytes(): number {
    return Math.max(0, this.totalBytes - this.headroomBytes - this.#allocatedBytes);
  }

  charges(): Iterable<Charge> {
    return this.#charges;
  }

  /** Takes bytes, or refuses what would eat into the headroom. */
  charge(purpose: Purpose, sizeBytes: number): Charge {
    assert(
      Number.isSafeInteger(sizeBytes) && sizeBytes >= 0,
      `a charge of ${sizeBytes} bytes for ${purpose.tag} is not a whole number of bytes`,
    );
    if (sizeBytes > this.availableBytes) throw this.#refusal(purpose, sizeBytes);
    const charge: Charge = { ...purpose, bytes: sizeBytes };
    this.#charges.add(charge);
    this.#allocatedBytes += sizeBytes;
    return charge;
  }

  /** Gives a charge back. A charge of another account, or one given back before, is a bug. */
  discharge(charge: Charge): void {
    assert(this.#charges.delete(charge), `${charge.tag}: released twice, or never charged here`);
    this.#allocatedBytes -= charge.bytes;
  }

  #refusal({ category, tag }: Purpose, sizeBytes: number): PlimsollError {
    const short = sizeBytes - this.availableBytes;
    const kept = this.headroomBytes > 0 ? `, with ${formatBytes(this.headroomBytes)} kept free` : '';
    return new PlimsollError({
      code: 'out-of-memory-budget',
      message: `${category} ${tag} needs ${formatBytes(sizeBytes)}; ${formatBytes(this.availableBytes)} of ${formatBytes(this.totalBytes)} are left${kept}: ${formatBytes(short)} short`,
      value: sizeBytes,
      limit: this.availableBytes,
      hint: 'give the engine more memory (--memory), fewer sequences or a shorter context',
    });
  }

  /** Recounts from the charges. */
  checkIntegrity(): void {
    let sum = 0;
    for (const charge of this.#charges) sum += charge.bytes;
    assert(sum === this.#allocatedBytes, `charges sum to ${sum}, the account says ${this.#allocatedBytes}`);
    assert(
      this.#allocatedBytes + this.headroomBytes <= this.totalBytes,
      `${this.#allocatedBytes} allocated and ${this.headroomBytes} kept free exceed ${this.totalBytes}`,
    );
  }
}
