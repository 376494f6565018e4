/**
 * Delivers samples in plan order, whatever order producers finish in, so that every topology trains the same batches. A
 * sample waits until each earlier prompt has its sample or has failed for good.
 */
export class SampleOrder {
  /** Plan index -> sample that can be delivered. */
  readonly #ready = new Map<number, string>();
  /** Plan indices that need no delivery: trained, dropped or failed. */
  readonly #settled = new Set<number>();
  /** First plan index that was not delivered. */
  #next = 0;

  add(planIndex: number, sampleId: string): void {
    this.#ready.set(planIndex, sampleId);
    this.#next = Math.min(this.#next, planIndex);
  }

  settle(planIndex: number): void {
    this.#ready.delete(planIndex);
    this.#settled.add(planIndex);
  }

  /** Makes a sample of the past wait for a new capture. */
  reopen(planIndex: number): void {
    this.#ready.delete(planIndex);
    this.#next = Math.min(this.#next, planIndex);
  }

  /** Takes the next `count` samples. Returns null, and takes none, if fewer can be delivered. */
  take(count: number): readonly string[] | null {
    const found = this.#upcoming(count);
    if (found.length < count) return null;
    for (const [planIndex] of found) this.#ready.delete(planIndex);
    this.#next = (found.at(-1)?.[0] ?? this.#next - 1) + 1;
    return found.map(([, sampleId]) => sampleId);
  }

  /** Takes all samples if every prompt below `planLength` is delivered, settled or ready; else returns null. */
  takeTail(planLength: number): readonly string[] | null {
    const found = this.#upcoming(planLength);
    const after = this.#skipSettled((found.at(-1)?.[0] ?? this.#next - 1) + 1);
    return after >= planLength ? this.take(found.length) : null;
  }

  /** Walks from the first undelivered index to the first one whose sample is missing. */
  #upcoming(count: number): readonly (readonly [number, string])[] {
    const found: (readonly [number, string])[] = [];
    // Settled indices never reopen, so the next walk need not pass them again.
    this.#next = this.#skipSettled(this.#next);
    for (let index = this.#next; found.length < count; index++) {
      index = this.#skipSettled(index);
      const sampleId = this.#ready.get(index);
      if (sampleId === undefined) break;
      found.push([index, sampleId]);
    }
    return found;
  }

  #skipSettled(index: number): number {
    let next = index;
    while (this.#settled.has(next)) next++;
    return next;
  }
}
