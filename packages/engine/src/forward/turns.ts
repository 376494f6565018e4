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

/** Divides operations into turns. The lists of a step are divided in their order, by one object. */
export class Turns {
  /** Maximum number of keys that a token of the step attends to. */
  readonly #keysMax: number;
  readonly #multiplyAddsMax: number;
  #spent = 0;

  constructor(keysMax: number, multiplyAddsMax: number) {
    this.#multiplyAddsMax = multiplyAddsMax;
    this.#keysMax = keysMax;
  }

  /**
   * Returns the operations of each turn. The first part continues the current turn, and is empty if that turn has no
   * room for the first operation.
   */
  divide(operations: readonly KernelOperation[]): readonly (readonly KernelOperation[])[] {
    let current: KernelOperation[] = [];
    const parts = [current];
    for (const operation of operations.flatMap((one) => this.#parts(one))) {
      const cost = this.#multiplyAdds(operation);
      if (this.#spent > 0 && this.#spent + cost > this.#multiplyAddsMax) {
        current = [];
        parts.push(current);
        this.#spent = 0;
      }
      current.push(operation);
      this.#spent += cost;
    }
    return parts;
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

/** Runs the parts that `divide` returns or prepared programs of them, and yields between turns. */
export function* runParts<Part>(
  parts: readonly (Part | null)[],
  run: (part: Part) => void,
): Generator<void, void, void> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) yield;
    if (part !== null) run(part);
  }
}
