/**
 * Caches pure results as long as the object that they were computed from lives. A sweep over hardware, contexts and
 * users repeats the same computations for one model a million times; their results depend on the model alone.
 */
export type Memo<Value> = WeakMap<object, Map<string, Value>>;

export function createMemo<Value>(): Memo<Value> {
  return new WeakMap();
}

/**
 * Returns the value of `compute`, computed once per owner and key. The key must name everything else that the value
 * depends on.
 */
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

/** A memo that keeps at most `countMax` values of an owner, for large values or many keys. */
export interface SmallMemo<Value> {
  readonly memo: Memo<Value>;
  readonly owner: object;
  readonly countMax: number;
}

/** Like `remember`, but evicts the least recently used value of the owner beyond `countMax`. */
export function rememberFew<Value>(
  { memo, owner, countMax }: SmallMemo<Value>,
  key: string,
  compute: () => Value,
): Value {
  const value = remember(memo, owner, key, compute);
  const values = memo.get(owner);
  if (values === undefined) return value;
  // A Map lists its keys in the order of insertion, so the first key is the least recently used.
  values.delete(key);
  values.set(key, value);
  const [oldest] = values.keys();
  if (values.size > countMax && oldest !== undefined) values.delete(oldest);
  return value;
}
