/** A ledger for runs that start from the beginning after a crash: it lives as long as the process. */
import {
  type FailedPrompt,
  type Ledger,
  type LedgerContent,
  type LedgerSample,
  type PlannedRef,
  type SampleChange,
  sampleChanges,
  sampleKnown,
  wrongState,
} from './ledger.ts';

export class MemoryLedger implements Ledger {
  readonly #samples = new Map<string, LedgerSample>();
  readonly #failures = new Map<string, FailedPrompt>();

  commit(refs: readonly PlannedRef[]): void {
    const added = new Map<string, LedgerSample>();
    for (const { planIndex, ref } of refs) {
      const { sampleId } = ref;
      if (this.#samples.has(sampleId) || added.has(sampleId)) throw sampleKnown(sampleId);
      added.set(sampleId, { planIndex, ref, state: 'committed', step: null });
    }
    for (const [sampleId, sample] of added) this.#samples.set(sampleId, sample);
  }

  train(sampleIds: readonly string[], step: number): void {
    this.#change('train', sampleIds, step);
  }

  drop(sampleIds: readonly string[]): void {
    this.#change('drop', sampleIds, null);
  }

  free(sampleIds: readonly string[]): void {
    this.#change('free', sampleIds, undefined);
  }

  requeue(sampleIds: readonly string[]): void {
    this.#change('requeue', sampleIds, null);
  }

  discard(sampleIds: readonly string[]): void {
    this.#change('discard', sampleIds, null);
  }

  fail(failure: FailedPrompt): void {
    this.#failures.set(failure.taskId, failure);
  }

  read(): LedgerContent {
    const byPlan = (left: { planIndex: number }, right: { planIndex: number }): number =>
      left.planIndex - right.planIndex;
    return {
      samples: [...this.#samples.values()].toSorted(byPlan),
      failures: [...this.#failures.values()].toSorted(byPlan),
    };
  }

  close(): void {
    // Nothing is open.
  }

  /** Changes all samples or none. An undefined `step` keeps the step of each sample. */
  #change(change: SampleChange, sampleIds: readonly string[], step: number | null | undefined): void {
    const { from, to } = sampleChanges[change];
    const changed = new Map<string, LedgerSample>();
    for (const sampleId of sampleIds) {
      const sample = this.#samples.get(sampleId);
      const mayChange = sample !== undefined && from.some((state) => state === sample.state);
      if (!mayChange || changed.has(sampleId)) throw wrongState(change, sampleId, sample?.state ?? null);
      changed.set(sampleId, {
        ...sample,
        state: to ?? sample.state,
        step: step === undefined ? sample.step : step,
      });
    }
    for (const [sampleId, sample] of changed) {
      if (to === null) this.#samples.delete(sampleId);
      else this.#samples.set(sampleId, sample);
    }
  }
}
