/** A stream without texts sends comments, a reader that takes nothing is cut off, and no timer outlives its stream. */
import { PassThrough } from 'node:stream';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { serverSentEvent } from './event-stream.ts';
import { writeStream } from './write-stream.ts';

const seconds = 1000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** Writes texts to a socket that holds a few bytes. */
function streamed(texts: AsyncIterable<string>) {
  const socket = new PassThrough({ highWaterMark: 16, encoding: 'utf8' });
  return { socket, written: writeStream(socket, { texts, ping: ': ping\n\n' }) };
}

/** Texts that come when the test resolves them. */
function manualTexts() {
  const first = Promise.withResolvers<string>();
  let isOver = false;
  async function* texts(): AsyncGenerator<string, void, void> {
    try {
      yield await first.promise;
    } finally {
      isOver = true;
    }
  }
  return { texts: texts(), first, isOver: () => isOver };
}

async function* endless(): AsyncGenerator<string, void, void> {
  while (true) yield serverSentEvent('1');
}

test('a reader that waits gets a comment after a while, then the event, and the end', async () => {
  const { texts, first } = manualTexts();
  const { socket, written } = streamed(texts);
  let received = '';
  socket.on('data', (text: string) => {
    received += text;
  });
  vi.advanceTimersByTime(31 * seconds);
  await eventLoopTurn();
  expect(received).toBe(': ping\n\n');
  first.resolve(serverSentEvent('1'));
  await written;
  await eventLoopTurn();
  expect(received).toBe(': ping\n\ndata: 1\n\n');
  expect(socket.writableEnded).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test('a reader that takes nothing for a minute is cut off, with and without events', async () => {
  const busy = streamed(endless());
  await eventLoopTurn();
  vi.advanceTimersByTime(59 * seconds);
  expect(busy.socket.destroyed).toBe(false);
  // Every read starts the minute again.
  for (let read = 0; read < 10; read++) {
    busy.socket.read();
    await eventLoopTurn();
  }
  vi.advanceTimersByTime(59 * seconds);
  expect(busy.socket.destroyed).toBe(false);
  vi.advanceTimersByTime(17 * seconds);
  expect(busy.socket.destroyed).toBe(true);
  await busy.written;

  const quiet = streamed(manualTexts().texts);
  for (let tick = 0; tick < 20; tick++) {
    vi.advanceTimersByTime(15 * seconds);
    await eventLoopTurn();
  }
  expect(quiet.socket.destroyed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test('texts that fail and a socket that closes leave no timer and no open texts', async () => {
  const failing = manualTexts();
  const failed = streamed(failing.texts);
  failing.first.reject(new Error('a defect'));
  await failed.written;
  expect(failed.socket.destroyed).toBe(true);

  const left = manualTexts();
  const { socket, written } = streamed(left.texts);
  socket.destroy();
  await eventLoopTurn();
  expect(vi.getTimerCount()).toBe(0);
  left.first.resolve('late');
  await written;
  expect([failing.isOver(), left.isOver()]).toEqual([true, true]);
});
