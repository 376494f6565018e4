/**
 * The account that all allocators of an engine charge. It knows the total memory, the bytes that must stay free, and
 * every charge with its purpose; it holds no memory itself. Under `--memory N` its total is N, so that arenas, staging
 * and the memory of Node together stay below N.
 */
import { assert, formatBytes, PlimsollError } from '@plimsoll/foundation';
import type { LedgerCategory, MemoryTier } from '@plimsoll/planner/ledger';

export interface AccountLimits {
  readonly totalBytes: number;
  /** Bytes that no allocation may take. */
  readonly headroomBytes: number;
}

/** The purpose of held bytes. */
export interface Purpose {
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly tier: MemoryTier;
}

/** The receipt of a charge; it can be discharged once. */
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

  /** Sets the headroom in bytes. Refuses more than is free now, with the error of an allocation. */
  keepFree(sizeBytes: number): void {
    assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, `a headroom of ${sizeBytes} bytes`);
    if (sizeBytes > this.totalBytes - this.#allocatedBytes) {
      throw this.#refusal({ category: 'headroom', tag: 'kept free', tier: 'device' }, sizeBytes);
    }
    this.#headroomBytes = sizeBytes;
  }

  /** Bytes that a charge may still take. Never negative. */
  get availableBytes(): number {
    return Math.max(0, this.totalBytes - this.headroomBytes - this.#allocatedBytes);
  }

  charges(): Iterable<Charge> {
    return this.#charges;
  }

  /** Charges bytes. Throws code `out-of-memory-budget` if the charge would reach into the headroom. */
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

  /** Discharges. Asserts that the charge belongs to this account and has not been discharged. */
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
