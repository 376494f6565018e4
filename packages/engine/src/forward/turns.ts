/**
 * A long step is computed in turns. The step yields after each turn, so that the event loop can serve sockets and
 * cancel requests. The length of a turn is measured in multiply-adds, because a clock would cut the same step
 * differently in each run. A decode step of a small model is a single turn.
 */
import type { KernelOperation } from '@plimsoll/kernels';

/** 20 to 50 ms on two cores, which compute 40 to 100 billion multiply-adds per second. */
export const usualTurnMultiplyAdds = 2e9;
/** The attention kernel computes the tokens of a sequence in groups of eight. */
const attentionTokensUnit = 8;

/** Runs operations, and yields before an operation that would make the turn too long. */
export class Turns {
  /** Maximum number of keys that a token of the step attends to. */
  readonly #keysMax: number;
  readonly #multiplyAddsMax: number;
  #spent = 0;

  constructor(positions: readonly number[], multiplyAddsMax: number) {
    this.#multiplyAddsMax = multiplyAddsMax;
    this.#keysMax = 1 + positions.reduce((most, position) => Math.max(most, position), 0);
  }

  /** True if the operations fit into the rest of the current turn. */
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

  /** Splits long attention into parts of some tokens each: a token's attention does not depend on the other tokens. */
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
