/** Memory in double precision with plain loops: the reference of every operation, and of the f32 kernels. */
import type { Product, TrainingMemory } from './memory.ts';

export function createDoubleMemory(elementCount: number): TrainingMemory {
  const elements = new Float64Array(elementCount);
  return {
    elements,
    multiply: (product) => multiplyPlain(elements, product),
    softmaxRows(at, rows, columns) {
      for (let row = 0; row < rows; row++) {
        const values = elements.subarray(at + row * columns, at + (row + 1) * columns);
        const largest = values.reduce((left, right) => Math.max(left, right), Number.NEGATIVE_INFINITY);
        let total = 0;
        for (let i = 0; i < columns; i++) {
          const power = Math.exp((values[i] ?? 0) - largest);
          values[i] = power;
          total += power;
        }
        for (let i = 0; i < columns; i++) values[i] = (values[i] ?? 0) / total;
      }
    },
  };
}

function multiplyPlain(elements: Float64Array, product: Product): void {
  const { left, right, outputAt, outputRowStride, accumulate } = product;
  for (let row = 0; row < left.rows; row++) {
    for (let column = 0; column < right.columns; column++) {
      const at = outputAt + row * outputRowStride + column;
      let sum = accumulate ? (elements[at] ?? 0) : 0;
      for (let step = 0; step < left.columns; step++) {
        const x = elements[left.at + row * left.rowStride + step * left.columnStride] ?? 0;
        sum += x * (elements[right.at + step * right.rowStride + column * right.columnStride] ?? 0);
      }
      elements[at] = sum;
    }
  }
}
