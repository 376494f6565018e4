/** The f32 product of training, and the panels of its operands. */
import { gemmDepthBlock, leftPanelRows, rightPanelColumns } from '../../assembly/opcodes.ts';
import type { Gemm, PackPanels } from '../training/training-operations.ts';
import type { ArenaView } from './arena-view.ts';

/** Returns the element index of (line, step) in a packed operand. */
function panelIndex(
  line: number,
  step: number,
  { lines, depth, width }: { lines: number; depth: number; width: number },
): number {
  const panels = Math.ceil(lines / width);
  const start = step - (step % gemmDepthBlock);
  const steps = Math.min(gemmDepthBlock, depth - start);
  const panel = Math.floor(line / width);
  return (start * panels + panel * steps + (step - start)) * width + (line % width);
}

export function packPanels(arena: ArenaView, operation: PackPanels): void {
  const { source, lineStrideBytes, depthStrideBytes, lines, depth, panelLines: width, output } = operation;
  const padded = Math.ceil(lines / width) * width;
  const panels = arena.floats(output, padded * depth);
  for (let line = 0; line < padded; line++) {
    for (let step = 0; step < depth; step++) {
      const value =
        line < lines ? arena.floats(source + line * lineStrideBytes + step * depthStrideBytes, 1)[0] : 0;
      panels[panelIndex(line, step, { lines, depth, width })] = value ?? 0;
    }
  }
}

export function gemm(arena: ArenaView, operation: Gemm): void {
  const { rows, columns, depth, outputStrideBytes, accumulate } = operation;
  const leftShape = { lines: rows, depth, width: leftPanelRows };
  const rightShape = { lines: columns, depth, width: rightPanelColumns };
  const left = arena.floats(operation.left, Math.ceil(rows / leftPanelRows) * leftPanelRows * depth);
  const right = arena.floats(
    operation.right,
    Math.ceil(columns / rightPanelColumns) * rightPanelColumns * depth,
  );
  for (let row = 0; row < rows; row++) {
    const output = arena.floats(operation.output + row * outputStrideBytes, columns);
    for (let column = 0; column < columns; column++) {
      let sum = accumulate ? (output[column] ?? 0) : 0;
      for (let step = 0; step < depth; step++)
        sum +=
          (left[panelIndex(row, step, leftShape)] ?? 0) * (right[panelIndex(column, step, rightShape)] ?? 0);
      output[column] = sum;
    }
  }
}
