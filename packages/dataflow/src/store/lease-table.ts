/** Leases of one process: who reads which file. */
import type { FeatureHandle } from '../contracts/feature-tensor.ts';
import type { SampleRef } from '../contracts/sample-ref.ts';

export class LeaseTable {
  readonly #owner: string;
  /** Lease token -> file name. */
  readonly #names = new Map<string, string>();
  /** File name -> its lease tokens. */
  readonly #tokens = new Map<string, Set<string>>();
  #taken = 0;

  /** `owner` keeps the tokens of two processes apart. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  get count(): number {
    return this.#names.size;
  }

  has(name: string): boolean {
    return this.#tokens.has(name);
  }

  take(name: string, ref: SampleRef): FeatureHandle {
    this.#taken++;
    const leaseToken = `${this.#owner}-${this.#taken}`;
    this.#names.set(leaseToken, name);
    const tokens = this.#tokens.get(name) ?? new Set();
    this.#tokens.set(name, tokens.add(leaseToken));
    return { sampleId: ref.sampleId, generation: ref.file.generation, leaseToken };
  }

  /** Ends a lease and returns the name of its file; null if the lease has ended before. */
  drop({ leaseToken }: FeatureHandle): string | null {
    const name = this.#names.get(leaseToken);
    if (name === undefined) return null;
    this.#names.delete(leaseToken);
    const tokens = this.#tokens.get(name);
    tokens?.delete(leaseToken);
    if (tokens?.size === 0) this.#tokens.delete(name);
    return name;
  }

  dropAll(name: string): void {
    for (const token of this.#tokens.get(name) ?? []) this.#names.delete(token);
    this.#tokens.delete(name);
  }
}
