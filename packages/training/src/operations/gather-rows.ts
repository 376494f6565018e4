/** Rows of a table by index: embeddings. The adjoint adds rows in order, so that equal indices add up alike in each run. */
import type { Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';

/** `indices` are filled before a run; the tape reads them when it runs. */
export function gatherRows(tape: Tape, name: string, table: Tensor, indices: Uint32Array): Tensor {
  const { columns } = table;
  const output = tape.activation(name, [indices.length, columns], [table]);
  tape.emit(name, [table, output], (memory) => {
    const { elements } = memory;
    const [from, to] = [memory.at(table), memory.at(output)];
    for (const [row, index] of indices.entries()) {
      const start = from + index * table.rowStride;
      elements.copyWithin(to + row * columns, start, start + columns);
    }
  });
  tape.onBackward(output, () => {
    if (!tape.needsGradient(table)) return;
    const [source, target] = [tape.gradient(output), tape.gradient(table)];
    tape.emit(`adjoint of ${name}`, [source, target], (memory) => {
      const { elements } = memory;
      for (const [row, index] of indices.entries()) {
        const from = memory.at(source) + row * columns;
        const to = memory.at(target) + index * target.rowStride;
        for (let i = 0; i < columns; i++)
          elements[to + i] = (elements[to + i] ?? 0) + (elements[from + i] ?? 0);
      }
    });
  });
  return output;
}
