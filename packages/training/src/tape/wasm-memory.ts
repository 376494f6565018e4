/**
 * Memory of f32 under the Wasm kernels. Products and softmax run on all threads; their results have the same bits for any
 * number of threads.
 */
import { assert } from '@plimsoll/foundation';
import { controlBytes, type WasmKernels } from '@plimsoll/kernels';
import {
  gemmScratchBytes,
  type MatrixPlace,
  panelBytes,
  productOperations,
} from '@plimsoll/kernels/training';
import type { Place, TrainingMemory } from './memory.ts';

/** Elements of the panels of the largest product of a recording. */
export interface PanelSizes {
  readonly left: number;
  readonly right: number;
}

export const noPanels: PanelSizes = { left: 0, right: 0 };

export function panelsOf(rows: number, columns: number, depth: number): PanelSizes {
  return { left: panelBytes('left', rows, depth) / 4, right: panelBytes('right', columns, depth) / 4 };
}

export function largerPanels(one: PanelSizes, other: PanelSizes): PanelSizes {
  return { left: Math.max(one.left, other.left), right: Math.max(one.right, other.right) };
}

const lineBytes = 64;

function aligned(bytes: number): number {
  return Math.ceil(bytes / lineBytes) * lineBytes;
}

/** Bytes of an arena: control region, scratch of products, panels, elements. */
export function wasmArenaBytes(elementCount: number, panels: PanelSizes): number {
  return placesOf(panels).elements + 4 * elementCount;
}

function placesOf({ left, right }: PanelSizes) {
  const leftPanels = controlBytes + aligned(gemmScratchBytes);
  const rightPanels = leftPanels + aligned(4 * left);
  return { scratch: controlBytes, leftPanels, rightPanels, elements: rightPanels + aligned(4 * right) };
}

/** `kernels` runs on the arena with index 0, whose memory is `memory`. */
export function createWasmMemory(
  memory: WebAssembly.Memory,
  kernels: Pick<WasmKernels, 'run'>,
  sizes: { readonly elementCount: number; readonly panels: PanelSizes },
): TrainingMemory {
  const places = placesOf(sizes.panels);
  assert(
    wasmArenaBytes(sizes.elementCount, sizes.panels) <= memory.buffer.byteLength,
    'the arena holds its plan',
  );
  const matrix = ({ at, rows, columns, rowStride, columnStride }: Place): MatrixPlace => ({
    ...{ pointer: places.elements + 4 * at, rows, columns },
    ...{ rowStrideBytes: 4 * rowStride, columnStrideBytes: 4 * columnStride },
  });
  return {
    elements: new Float32Array(memory.buffer, places.elements, sizes.elementCount),
    multiply({ left, right, outputAt, outputRowStride, accumulate }) {
      const panels = panelsOf(left.rows, right.columns, left.columns);
      assert(
        panels.left <= sizes.panels.left && panels.right <= sizes.panels.right,
        'a product fits the planned panels',
      );
      const operations = productOperations(matrix(left), matrix(right), {
        ...{ left: places.leftPanels, right: places.rightPanels, scratch: places.scratch, accumulate },
        ...{ output: places.elements + 4 * outputAt, outputStrideBytes: 4 * outputRowStride },
      });
      kernels.run(0, operations);
    },
    softmaxRows(at, rows, columns) {
      kernels.run(0, [{ op: 'softmax', values: places.elements + 4 * at, rows, columns }]);
    },
  };
}
