/** A stream without events sends comments, a reader that takes nothing is cut off, and no timer outlives its stream. */
import { Hono } from 'hono';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventStreamResponse, serverSentEvent } from './event-stream.ts';
import type { ServerEnv } from './server-env.ts';

const seconds = 1000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** Streams texts; `destroyed` counts the calls that close the socket. */
async function streamed(texts: AsyncIterable<string>) {
  const found = { destroyed: 0 };
  const app = new Hono<ServerEnv>().get('/', (context) => eventStreamResponse(context, texts));
  const outgoing = { destroy: () => void found.destroyed++ };
  const response = await app.request('/', {}, { outgoing } as unknown as ServerEnv['Bindings']);
  const reader = response.body?.getReader();
  const read = async (): Promise<string | null> => {
    const next = await reader?.read();
    return next?.value === undefined ? null : new TextDecoder().decode(next.value);
  };
  return { found, read, cancel: () => reader?.cancel() };
}

/** Texts that come when the test resolves them. */
function manualTexts() {
  const first = Promise.withResolvers<string>();
  async function* texts(): AsyncGenerator<string, void, void> {
    yield await first.promise;
  }
  return { texts: texts(), first };
}

test('a reader that waits gets a comment after a while, then the event, and the end', async () => {
  const { texts, first } = manualTexts();
  const { read, found } = await streamed(texts);
  const comment = read();
  vi.advanceTimersByTime(31 * seconds);
  expect(await comment).toBe(': ping\n\n');
  const event = read();
  first.resolve(serverSentEvent('1'));
  expect(await event).toBe('data: 1\n\n');
  expect(await read()).toBeNull();
  expect(vi.getTimerCount()).toBe(0);
  expect(found.destroyed).toBe(0);
});

test('a reader that takes nothing for a minute is cut off, with and without events', async () => {
  async function* endless(): AsyncGenerator<string, void, void> {
    while (true) yield serverSentEvent('1');
  }
  const busy = await streamed(endless());
  expect(await busy.read()).toBe('data: 1\n\n');
  vi.advanceTimersByTime(59 * seconds);
  expect(busy.found.destroyed).toBe(0);
  vi.advanceTimersByTime(17 * seconds);
  expect(busy.found.destroyed).toBe(1);

  const quiet = await streamed(manualTexts().texts);
  void quiet.read();
  // The first comment is read, the second comment after 30 s is not.
  vi.advanceTimersByTime(150 * seconds);
  expect(quiet.found.destroyed).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('a stream that fails and a stream that is cancelled leave no timer', async () => {
  const failing = manualTexts();
  const failed = await streamed(failing.texts);
  failing.first.reject(new Error('a defect'));
  await expect(failed.read()).rejects.toThrow('a defect');
  const left = await streamed(manualTexts().texts);
  void left.cancel();
  expect(vi.getTimerCount()).toBe(0);
});
