/** Leases of one process: who reads which file. */
import type { FeatureHandle } from '../contracts/feature-tensor.ts';
import type { SampleRef } from '../contracts/sample-ref.ts';
import type { LeaseUse } from './feature-store.ts';

export class LeaseTable {
  readonly #owner: string;
  /** Lease token -> file name and ref. */
  readonly #leases = new Map<string, { readonly name: string; readonly ref: SampleRef }>();
  /** File name -> its lease tokens. */
  readonly #tokens = new Map<string, Set<string>>();
  /** Names of files that a lease has used. */
  readonly #consumed = new Set<string>();
  #taken = 0;

  /** `owner` keeps the tokens of two processes apart. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  get count(): number {
    return this.#leases.size;
  }

  has(name: string): boolean {
    return this.#tokens.has(name);
  }

  /** Returns the ref of a lease; null if the lease has ended or is not of this table. */
  refOf({ leaseToken }: FeatureHandle): SampleRef | null {
    return this.#leases.get(leaseToken)?.ref ?? null;
  }

  take(name: string, ref: SampleRef): FeatureHandle {
    this.#taken++;
    const leaseToken = `${this.#owner}-${this.#taken}`;
    this.#leases.set(leaseToken, { name, ref });
    const tokens = this.#tokens.get(name) ?? new Set();
    this.#tokens.set(name, tokens.add(leaseToken));
    return { sampleId: ref.sampleId, generation: ref.file.generation, leaseToken };
  }

  /** Ends a lease. Returns the name of its file if a lease has used the file and this was the last lease, else null. */
  end(handle: FeatureHandle, use: LeaseUse): string | null {
    const name = this.cancel(handle);
    if (name === null) return null;
    if (use === 'consumed') this.#consumed.add(name);
    return !this.has(name) && this.#consumed.delete(name) ? name : null;
  }

  /** Ends a lease without a use and returns the name of its file; null if the lease has ended before. */
  cancel({ leaseToken }: FeatureHandle): string | null {
    const name = this.#leases.get(leaseToken)?.name;
    if (name === undefined) return null;
    this.#leases.delete(leaseToken);
    const tokens = this.#tokens.get(name);
    tokens?.delete(leaseToken);
    if (tokens?.size === 0) this.#tokens.delete(name);
    return name;
  }

  /** Ends all leases of a file that is removed. */
  dropAll(name: string): void {
    for (const token of this.#tokens.get(name) ?? []) this.#leases.delete(token);
    this.#tokens.delete(name);
    this.#consumed.delete(name);
  }
}
