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

/** Where few values are kept: they are large, or their keys are many. */
export interface SmallMemo<Value> {
  readonly memo: Memo<Value>;
  readonly owner: object;
  readonly countMax: number;
}

/** As `remember`, but an owner keeps only the values that were asked for last. */
export function rememberFew<Value>(
  { memo, owner, countMax }: SmallMemo<Value>,
  key: string,
  compute: () => Value,
): Value {
  const value = remember(memo, owner, key, compute);
  const values = memo.get(owner);
  if (values === undefined) return value;
  // A map lists its keys in the order they were set: the first is the one that nobody asked for longest.
  values.delete(key);
  values.set(key, value);
  const [oldest] = values.keys();
  if (values.size > countMax && oldest !== undefined) values.delete(oldest);
  return value;
}
