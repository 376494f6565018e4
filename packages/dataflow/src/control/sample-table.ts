/** The samples of a run between their commit and the removal of their features. */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import type { SampleRef } from '../contracts/sample-ref.ts';
import { SampleOrder } from './sample-order.ts';

interface HeldSample {
  readonly planIndex: number;
  readonly ref: SampleRef;
  readonly state: 'ready' | 'training' | 'trained' | 'dropped';
  /** The step that trained the sample; null before, and for a dropped sample. */
  readonly step: number | null;
}

export interface SampleCounts {
  readonly ready: number;
  readonly training: number;
  /** Bytes of both. */
  readonly bytes: number;
}

export class SampleTable {
  readonly #held = new Map<string, HeldSample>();
  readonly #order = new SampleOrder();
  #ready = 0;
  #training = 0;
  #bytes = 0;

  get counts(): SampleCounts {
    return { ready: this.#ready, training: this.#training, bytes: this.#bytes };
  }

  /** Samples whose features are not removed. */
  get heldCount(): number {
    return this.#held.size;
  }

  add(planIndex: number, ref: SampleRef): void {
    assert(!this.#held.has(ref.sampleId), `sample ${ref.sampleId} is held already`);
    this.#held.set(ref.sampleId, { planIndex, ref, state: 'ready', step: null });
    this.#order.add(planIndex, ref.sampleId);
    this.#ready++;
    this.#bytes += ref.file.bytes;
  }

  /** Adds a sample that an earlier process has trained or dropped, and whose features are still there. */
  addEnded(planIndex: number, ref: SampleRef, step: number | null): void {
    this.#held.set(ref.sampleId, { planIndex, ref, state: step === null ? 'dropped' : 'trained', step });
    this.#order.settle(planIndex);
  }

  /** Excludes a plan index that will have no sample. */
  skip(planIndex: number): void {
    this.#order.settle(planIndex);
  }

  /** Moves the next `count` samples to training; null if fewer can be delivered. */
  take(count: number): readonly SampleRef[] | null {
    const ids = this.#order.take(count);
    return ids === null ? null : this.#startTraining(ids);
  }

  /** Moves the samples after the last full window to training; null while any prompt below `planLength` is open. */
  takeTail(planLength: number): readonly SampleRef[] | null {
    if (this.#training > 0) return null;
    const ids = this.#order.takeTail(planLength);
    return ids === null ? null : this.#startTraining(ids);
  }

  /** Throws `not-in-training`. */
  needTraining(sampleId: string): HeldSample {
    const sample = this.#held.get(sampleId);
    if (sample?.state === 'training') return sample;
    throw new PlimsollError({
      code: 'not-in-training',
      message: `sample ${sampleId} is in no window of the trainer`,
      value: sample?.state ?? sampleId,
      limit: 'samples of windows that were taken and not acknowledged',
      hint: 'acknowledge each sample of a window once',
    });
  }

  putBack(sampleIds: readonly string[]): void {
    for (const sampleId of sampleIds) {
      const sample = this.needTraining(sampleId);
      this.#held.set(sampleId, { ...sample, state: 'ready' });
      this.#order.add(sample.planIndex, sampleId);
      this.#training--;
      this.#ready++;
    }
  }

  /** Ends samples in training: trained in `step`, or dropped if it is null. */
  end(sampleIds: readonly string[], step: number | null): void {
    for (const sampleId of sampleIds) {
      const sample = this.#leaveTraining(sampleId);
      this.#held.set(sampleId, { ...sample, state: step === null ? 'dropped' : 'trained', step });
      this.#order.settle(sample.planIndex);
    }
  }

  /** Forgets a sample in training, whose prompt is captured again. Returns its plan index. */
  reject(sampleId: string): number {
    const { planIndex } = this.#leaveTraining(sampleId);
    this.#held.delete(sampleId);
    this.#order.reopen(planIndex);
    return planIndex;
  }

  free(sampleId: string): void {
    const { state } = defined(this.#held.get(sampleId), `sample ${sampleId} is not held`);
    assert(state === 'trained' || state === 'dropped', `sample ${sampleId} is still needed`);
    this.#held.delete(sampleId);
  }

  /** Returns dropped samples, and samples that a step up to `lastStep` has trained. */
  ended(lastStep: number): readonly SampleRef[] {
    return [...this.#held.values()]
      .filter(({ state, step }) => state === 'dropped' || (state === 'trained' && (step ?? 0) <= lastStep))
      .map(({ ref }) => ref);
  }

  holds(sampleId: string, generation: number): boolean {
    return this.#held.get(sampleId)?.ref.file.generation === generation;
  }

  /** Throws an AssertionError if a count differs from the samples. */
  checkIntegrity(): void {
    const open = [...this.#held.values()].filter(({ state }) => state === 'ready' || state === 'training');
    const training = open.filter(({ state }) => state === 'training').length;
    const bytes = open.reduce((sum, { ref }) => sum + ref.file.bytes, 0);
    assert(this.#training === training, `${this.#training} samples counted in training, found ${training}`);
    assert(this.#ready === open.length - training, `${this.#ready} samples counted as ready`);
    assert(this.#bytes === bytes, `${this.#bytes} bytes counted, found ${bytes}`);
  }

  #startTraining(sampleIds: readonly string[]): readonly SampleRef[] {
    return sampleIds.map((sampleId) => {
      const sample = defined(this.#held.get(sampleId), `sample ${sampleId} is not held`);
      assert(sample.state === 'ready', `sample ${sampleId} is delivered while ${sample.state}`);
      this.#held.set(sampleId, { ...sample, state: 'training' });
      this.#ready--;
      this.#training++;
      return sample.ref;
    });
  }

  #leaveTraining(sampleId: string): HeldSample {
    const sample = this.needTraining(sampleId);
    this.#training--;
    this.#bytes -= sample.ref.file.bytes;
    return sample;
  }
}
