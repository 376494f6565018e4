/**
 * Writes the texts of an answer to its socket. The next text is taken when the socket has room for it, so a slow reader
 * slows its own request alone. A reader that takes nothing for a minute is cut off. While there are no texts, comments
 * keep proxies from closing the connection.
 *
 * The texts go to the socket without a web stream: the stream, its promises and the encoding of each text took a third of
 * the time of an event.
 */
import type { Writable } from 'node:stream';
import type { StreamedAnswer } from './server-env.ts';

/**
 * One timer per stream, which texts do not touch: two timers per text took a fifth of the time of an event. A stream
 * without texts gets a comment after one to two ticks.
 */
const tickMilliseconds = 15_000;
const ticksUnreadMax = 4;

/** Resolves when the stream has ended. Closing the socket aborts the call, which ends the texts. */
export async function writeStream(writable: Writable, { texts, ping }: StreamedAnswer): Promise<void> {
  const iterator = texts[Symbol.asyncIterator]();
  let ticks = 0;
  let awaitsText = false;
  const tick = (): void => {
    ticks++;
    if (!awaitsText || writable.writableNeedDrain) {
      if (ticks > ticksUnreadMax) writable.destroy();
    } else if (ping !== null && ticks > 1) {
      writable.write(ping);
      ticks = 0;
    }
  };
  const timer = setInterval(tick, tickMilliseconds);
  timer.unref();
  writable.once('close', () => clearInterval(timer));
  // An error closes the stream; without a listener it would end the process.
  writable.on('error', () => undefined);
  try {
    while (!writable.destroyed) {
      awaitsText = true;
      const { value, done } = await iterator.next();
      awaitsText = false;
      ticks = 0;
      if (writable.destroyed) return;
      if (done === true) return void writable.end();
      if (!writable.write(value)) await drained(writable);
    }
  } catch {
    // The status has been sent: a client sees that the answer is not whole.
    writable.destroy();
  } finally {
    clearInterval(timer);
    await iterator.return?.();
  }
}

function drained(writable: Writable): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      writable.off('drain', end);
      writable.off('close', end);
      resolve();
    };
    writable.once('drain', end);
    writable.once('close', end);
  });
}
