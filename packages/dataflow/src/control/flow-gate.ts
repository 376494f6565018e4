/**
 * Back-pressure: pauses producers when the trainer falls behind, by samples and by bytes. The gate closes at the high mark
 * and opens at the low one, so that producers work in long stretches. It never closes below one quantum: the trainer takes
 * whole quanta, so a closed gate could otherwise wait for a trainer that waits for samples.
 */
import { PlimsollError } from '@plimsoll/foundation';

export interface FlowLimits {
  readonly samplesHigh: number;
  readonly samplesLow: number;
  /** Null: no limit of bytes. */
  readonly bytes: { readonly high: number; readonly low: number } | null;
}

export class FlowGate {
  readonly #limits: FlowLimits;
  readonly #quantum: number;
  #isClosed = false;

  /** Throws `bad-watermarks`. */
  constructor(limits: FlowLimits, quantum: number) {
    checkMarks('samples', { high: limits.samplesHigh, low: limits.samplesLow });
    if (limits.bytes !== null) checkMarks('bytes', limits.bytes);
    if (limits.samplesHigh < quantum)
      throw badMarks(
        `the high watermark of ${limits.samplesHigh} samples is below one quantum`,
        limits.samplesHigh,
        quantum,
      );
    this.#limits = limits;
    this.#quantum = quantum;
  }

  /** Returns how many more samples producers may start, given the samples and bytes in flight. */
  room(samples: number, bytes: number): number {
    const { samplesHigh, samplesLow, bytes: byteMarks } = this.#limits;
    const isHigh = samples >= samplesHigh || (byteMarks !== null && bytes >= byteMarks.high);
    const isLow = samples <= samplesLow && (byteMarks === null || bytes <= byteMarks.low);
    if (isHigh) this.#isClosed = true;
    else if (isLow) this.#isClosed = false;
    if (samples < this.#quantum) {
      // Bytes may be over their mark here, so the gate opens for the rest of one quantum alone.
      return isHigh ? this.#quantum - samples : samplesHigh - samples;
    }
    return this.#isClosed ? 0 : samplesHigh - samples;
  }
}

function checkMarks(unit: string, { high, low }: { readonly high: number; readonly low: number }): void {
  const isOrdered = Number.isSafeInteger(high) && Number.isSafeInteger(low) && low >= 0 && low < high;
  if (!isOrdered)
    throw badMarks(
      `the watermarks of ${unit} are high ${high} and low ${low}`,
      `${high} and ${low}`,
      'low < high',
    );
}

function badMarks(message: string, value: string | number, limit: string | number): PlimsollError {
  return new PlimsollError({
    code: 'bad-watermarks',
    message,
    value,
    limit,
    hint: 'set the high watermark to at least one quantum (batch x accumulation x trainers), and the low one below it',
  });
}
