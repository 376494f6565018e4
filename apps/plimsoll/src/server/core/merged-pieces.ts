/** Reads several streams as one, in the order in which their values arrive. */
export interface Numbered<Value> {
  /** Index of the value's stream. */
  readonly source: number;
  readonly value: Value;
}

/** A caller that stops early, and an error of one stream, end all streams. */
export async function* merged<Value>(
  streams: readonly AsyncIterable<Value>[],
): AsyncGenerator<Numbered<Value>, void, void> {
  const [only] = streams;
  if (only !== undefined && streams.length === 1) {
    for await (const value of only) yield { source: 0, value };
    return;
  }
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const take = async (source: number) => ({ source, next: await iterators[source]?.next() });
  const pending = new Map(iterators.map((_, source) => [source, take(source)]));
  try {
    while (pending.size > 0) {
      const { source, next } = await Promise.race(pending.values());
      if (next === undefined || next.done === true) {
        pending.delete(source);
        continue;
      }
      pending.set(source, take(source));
      yield { source, value: next.value };
    }
  } finally {
    for (const taken of pending.values()) taken.catch(() => undefined);
    for (const iterator of iterators) void iterator.return?.().catch(() => undefined);
  }
}
