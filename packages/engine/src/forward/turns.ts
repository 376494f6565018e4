/**
 * A long step is computed in turns: after every tenth of a second or so it yields, so that the event loop can serve
 * sockets and hear of a request that was cancelled. Work is counted in multiply-adds, because a clock would make runs
 * differ. A step of decoding is one turn.
 */
import type { KernelOperation } from '@plimsoll/kernels';

/** About 50 ms on two cores, which compute 40 to 100 thousand million in a second. */
export const usualTurnMultiplyAdds = 2e9;
/** The kernel takes tokens of one sequence in groups of eight. */
const attentionTokensUnit = 8;

/** Yields before operations that would make a turn too long, having run those before them. */
export class Turns {
  /** Positions that attention may look back over. */
  readonly #keysMax: number;
  readonly #multiplyAddsMax: number;
  #spent = 0;

  constructor(positions: readonly number[], multiplyAddsMax: number) {
    this.#multiplyAddsMax = multiplyAddsMax;
    this.#keysMax = 1 + positions.reduce((most, position) => Math.max(most, position), 0);
  }

  /** Whether the operations fit into what is left of the turn. */
  isOne(operations: readonly KernelOperation[]): boolean {
    const all = operations.reduce((sum, operation) => sum + this.#multiplyAdds(operation), this.#spent);
    return all <= this.#multiplyAddsMax;
  }

  *run(
    operations: readonly KernelOperation[],
    run: (some: readonly KernelOperation[]) => void,
  ): Generator<void, void, void> {
    let pending: KernelOperation[] = [];
    for (const operation of operations.flatMap((one) => this.#parts(one))) {
      const cost = this.#multiplyAdds(operation);
      if (this.#spent > 0 && this.#spent + cost > this.#multiplyAddsMax) {
        if (pending.length > 0) run(pending);
        pending = [];
        this.#spent = 0;
        yield;
      }
      pending.push(operation);
      this.#spent += cost;
    }
    if (pending.length > 0) run(pending);
  }

  #multiplyAdds(operation: KernelOperation): number {
    if (operation.op === 'mat-mul') return operation.rows * operation.columns * operation.tokens;
    if (operation.op !== 'attention') return 0;
    const keys = Math.min(this.#keysMax, operation.window ?? this.#keysMax);
    return 2 * operation.tokens * keys * operation.heads * operation.headDim;
  }

  /** Attention over a long text, some tokens at a time: each looks back on its own. */
  #parts(operation: KernelOperation): readonly KernelOperation[] {
    if (operation.op !== 'attention') return [operation];
    const perToken = this.#multiplyAdds(operation) / operation.tokens;
    const units = Math.floor(this.#multiplyAddsMax / (perToken * attentionTokensUnit));
    const size = attentionTokensUnit * Math.max(1, units);
    if (size >= operation.tokens) return [operation];
    const { queries, queryStrideBytes, output, outputStrideBytes, tables, positions, tokens } = operation;
    return Array.from({ length: Math.ceil(tokens / size) }, (_, part) => {
      const first = part * size;
      return {
        ...operation,
        queries: queries + first * queryStrideBytes,
        output: output + first * outputStrideBytes,
        tables: tables + 4 * first,
        positions: positions + 4 * first,
        tokens: Math.min(size, tokens - first),
      };
    });
  }
}
