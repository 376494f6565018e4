/** Shows a download: a bar on a terminal, else a line per tenth. */
import { type Clock, formatBytes, formatSeconds } from '@plimsoll/foundation';
import type { DownloadReport } from '../hub/pull-model.ts';
import { printMessage } from '../output.ts';
import { ProgressLine } from './progress-line.ts';

const tenths = 10;
/** The speed is the mean of the time since the first byte. Before this time it says nothing. */
const speedSecondsMin = 1;

export class DownloadProgress implements DownloadReport {
  readonly #clock: Clock;
  #line: ProgressLine | null = null;
  #name = '';
  #totalBytes = 0;
  #firstBytes: number | null = null;
  #startedAt = 0;
  #printedTenths = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(words: string, { totalBytes }: { readonly totalBytes: number }): void {
    this.#name = words;
    this.#totalBytes = totalBytes;
    if (totalBytes === 0) return;
    printMessage(`downloading ${words}: ${formatBytes(totalBytes)}`);
    this.#line = new ProgressLine(this.#clock, { label: 'downloading' });
  }

  progress(doneBytes: number): void {
    const { seconds, rate } = this.#pace(doneBytes);
    const share = doneBytes / Math.max(1, this.#totalBytes);
    const left = rate === null ? null : (this.#totalBytes - doneBytes) / rate;
    const pace =
      left === null || rate === null ? '' : `, ${formatBytes(rate)}/s, ${formatSeconds(left)} left`;
    // The bar shows the share, so that the words fit on 80 columns.
    if (process.stderr.isTTY === true) this.#line?.show(share, `${formatBytes(doneBytes)}${pace}`);
    else if (seconds > 0 && Math.floor(share * tenths) > this.#printedTenths) {
      this.#printedTenths = Math.floor(share * tenths);
      const done = `${formatBytes(doneBytes)} of ${formatBytes(this.#totalBytes)}`;
      printMessage(`${this.#name}: ${done}${pace}`);
    }
  }

  message(words: string): void {
    this.#line?.clear();
    printMessage(words);
  }

  end(): void {
    this.#line?.clear();
  }

  /** Bytes that were on the disk before do not count as speed. */
  #pace(doneBytes: number): { readonly seconds: number; readonly rate: number | null } {
    if (this.#firstBytes === null) {
      this.#firstBytes = doneBytes;
      this.#startedAt = this.#clock.now();
      this.#printedTenths = Math.floor((tenths * doneBytes) / Math.max(1, this.#totalBytes));
    }
    const seconds = this.#clock.now() - this.#startedAt;
    const rate = (doneBytes - this.#firstBytes) / seconds;
    return { seconds, rate: seconds < speedSecondsMin || rate === 0 ? null : rate };
  }
}
