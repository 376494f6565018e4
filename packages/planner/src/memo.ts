/**
 * Remembers pure results for as long as the object they were computed from lives. A sweep over hardware, contexts and
 * users asks the same questions of one model a million times; the answers depend on the model alone.
 */
export type Memo<Value> = WeakMap<object, Map<string, Value>>;

export function createMemo<Value>(): Memo<Value> {
  return new WeakMap();
}

/** The value of `compute`, once per owner and key. The key must name everything else the value depends on. */
export function remember<Value>(memo: Memo<Value>, owner: object, key: string, compute: () => Value): Value {
  let values = memo.get(owner);
  if (values === undefined) {
    values = new Map();
    memo.set(owner, values);
  }
  const known = values.get(key);
  if (known !== undefined) return known;
  const value = compute();
  values.set(key, value);
  return value;
}
