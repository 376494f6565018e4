/** Token ids as they come: grows by doubling, and gives an exact array at the end. */
export class IdList {
  #ids = new Int32Array(64);
  length = 0;

  push(id: number): void {
    if (this.length === this.#ids.length) this.#grow(this.length + 1);
    this.#ids[this.length++] = id;
  }

  pushAll(ids: ArrayLike<number>): void {
    const end = this.length + ids.length;
    if (end > this.#ids.length) this.#grow(end);
    for (let index = 0; index < ids.length; index++) this.#ids[this.length + index] = ids[index] ?? 0;
    this.length = end;
  }

  at(index: number): number | undefined {
    return index < this.length ? this.#ids[index] : undefined;
  }

  slice(start: number): Int32Array {
    return this.#ids.slice(start, this.length);
  }

  #grow(needed: number): void {
    const grown = new Int32Array(Math.max(needed, 2 * this.#ids.length));
    grown.set(this.#ids.subarray(0, this.length));
    this.#ids = grown;
  }
}
