/**
 * The formats in which the engine's kernels read weights, and their bytes.
 *
 * A matrix is held in panels: eight rows interleaved, the last panel padded (packages/kernels, `repackedBytes`). Panels
 * change only the order of the file's bits. Vectors (norms, biases) and small tables are plain f32 rows.
 *
 * The loader widens source types that no kernel reads. If the wider type holds every value exactly, this costs only
 * memory: IQ4_NL is whole numbers times an f16 scale per 32 elements, as is Q8_0; Q3_K is whole numbers times 8-bit
 * scales per 16 elements, as is Q6_K.
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  type ElementType,
  ggmlTensorBytes,
  ggmlTypeNamed,
  type TensorSpec,
} from '@plimsoll/model-files/spec';

export type StorageFormat =
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'q8_0'
  | 'q6_K'
  | 'q5_1'
  | 'q5_K'
  | 'q5_0'
  | 'q4_1'
  | 'q4_K'
  | 'q4_0';

/** Formats from the best to the lowest; a downgrade is a step to the right. f16 and bf16 take the same bytes. */
export const storageFormats: readonly StorageFormat[] = [
  'f32',
  'bf16',
  'f16',
  'q8_0',
  'q6_K',
  'q5_1',
  'q5_K',
  'q5_0',
  'q4_1',
  'q4_K',
  'q4_0',
];

/** Rows that a panel interleaves. */
export const panelRows = 8;

/** `panels`: rows interleaved by eight and padded. `rows`: plain rows. */
export type StorageLayout = 'panels' | 'rows';

/** The work of the loader: only the layout, a lossless widening, or a new quantisation (to fit a budget). */
export type Conversion = 'copy' | 'widen' | 'requantise';

export interface SourceReading {
  readonly format: StorageFormat;
  readonly conversion: Conversion;
}

/** Format and conversion of each file type without a budget. */
const readings: ReadonlyMap<string, SourceReading> = new Map<string, SourceReading>([
  ...storageFormats.map((format) => [format.toUpperCase(), { format, conversion: 'copy' }] as const),
  ['IQ4_NL', { format: 'q8_0', conversion: 'widen' }],
  ['Q3_K', { format: 'q6_K', conversion: 'widen' }],
]);

const elementFormats: Readonly<Record<ElementType, StorageFormat | null>> = {
  fp32: 'f32',
  fp16: 'f16',
  bf16: 'bf16',
  fp8: null,
  int8: null,
};

/** Returns the type of a tensor in its file, or the checkpoint's element type if no file was read. */
export function sourceType(tensor: TensorSpec, elementType: ElementType): string {
  return tensor.stored?.type ?? elementFormats[elementType]?.toUpperCase() ?? elementType;
}

/**
 * Returns the format and conversion of a source type. Throws `unsupported-tensor-type` with the tensor's name for a
 * type that the engine cannot read.
 */
export function readingOf(name: string, type: string): SourceReading {
  const known = readings.get(type.toUpperCase());
  if (known !== undefined) return known;
  throw new PlimsollError({
    code: 'unsupported-tensor-type',
    message: `tensor ${name} is stored as ${type}, which the engine does not read`,
    value: type,
    limit: [...readings.keys()].join(', '),
    hint: 'convert the model to Q8_0, Q4_K_M or F16 with the tool that made this file',
  });
}

/** Returns true for a source type that kernels read without a conversion. */
export function isReadAsItIs(type: string): boolean {
  return readings.get(type.toUpperCase())?.conversion === 'copy';
}

export interface MatrixShape {
  /** Number of consecutive matrices: the experts of a stack, or 1. */
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Converts a tensor's shape to the kernels' form: the last axis is a row, the axis before it counts rows, the others
 * count slices.
 */
export function matrixShape(shape: readonly number[]): MatrixShape {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  let slices = 1;
  for (let axis = 0; axis < shape.length - 2; axis++) slices *= shape[axis] ?? 1;
  return { slices, rows, columns };
}

/** Returns true if a row of `columns` elements is a whole number of this format's blocks. */
export function divides(format: StorageFormat, columns: number): boolean {
  return columns % ggmlTypeNamed(format).blockElements === 0;
}

/** Returns the bytes of one slice in an arena. */
export function sliceBytes(format: StorageFormat, layout: StorageLayout, shape: MatrixShape): number {
  const rows = layout === 'panels' ? Math.ceil(shape.rows / panelRows) * panelRows : shape.rows;
  return ggmlTensorBytes(ggmlTypeNamed(format), [rows, shape.columns]);
}

/**
 * Returns the bytes of `tokens` rows of `columns` activations that are quantised for a product with `format`
 * (packages/kernels, `activationBytes`): 16-bit quants, a scale and the sums per block. 0 for float weights.
 */
export function quantisedActivationBytes(format: StorageFormat, tokens: number, columns: number): number {
  if (format === 'f32' || format === 'f16' || format === 'bf16') return 0;
  // A block stores its scale, word of sums and scaled sum together.
  if (format === 'q4_1' || format === 'q5_1' || format === 'q5_0') {
    return tokens * (2 * columns + roundUp16((columns / 32) * 12));
  }
  const block = ggmlTypeNamed(format).blockElements;
  const scales = roundUp16((columns / block) * 4);
  const sums = roundUp16(block === 32 ? (columns / 32) * 4 : (columns / 256) * 80);
  return tokens * (2 * columns + scales + sums);
}

function roundUp16(value: number): number {
  return Math.ceil(value / 16) * 16;
}
