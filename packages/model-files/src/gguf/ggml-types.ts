/**
 * ggml tensor types and the one rule for their bytes: a row is a whole number of blocks; some types of the ik_llama.cpp
 * fork add a few bytes of scales before each row. The sizes are data, in ggml-types.json with their sources.
 */
import { PlimsollError } from '@plimsoll/foundation';
import table from './ggml-types.json' with { type: 'json' };

export interface GgmlType {
  /** The number in a GGUF file. */
  readonly id: number;
  /** The name in ggml: `F32`, `Q4_K`, `IQ4_KSS`. */
  readonly name: string;
  readonly blockElements: number;
  readonly blockBytes: number;
  /** Bytes of scales before each row; 0 for every type of mainline ggml. */
  readonly rowMetaBytes: number;
}

export const ggmlTypes: readonly GgmlType[] = table.groups.flatMap((group) =>
  group.types.map((type) => Object.freeze({ rowMetaBytes: 0, ...type })),
);

const typeById = new Map(ggmlTypes.map((type) => [type.id, type]));
const typeByName = new Map(ggmlTypes.map((type) => [type.name, type]));

/** Returns the type with this id; undefined if no known ggml defines the id. */
export function ggmlTypeOfId(id: number): GgmlType | undefined {
  return typeById.get(id);
}

/** Returns the type with this name in upper or lower case: `q4_k` is `Q4_K`. Throws `unknown-ggml-type`. */
export function ggmlTypeNamed(name: string): GgmlType {
  const type = typeByName.get(name) ?? typeByName.get(name.toUpperCase());
  if (type !== undefined) return type;
  throw new PlimsollError({
    code: 'unknown-ggml-type',
    message: `"${name}" is not a ggml tensor type`,
    value: name,
    limit: ggmlTypes.map((known) => known.name).join(', '),
    hint: 'use a tensor type such as Q4_K; file types such as Q4_K_M are mixtures of tensor types',
  });
}

/** True for types that share scales between elements, false for plain numbers. */
export function isBlockType(type: GgmlType): boolean {
  return type.blockElements > 1;
}

/**
 * Computes the bytes of a tensor. `shape` is row-major: its last size is the row length. An empty shape is one element.
 * Throws `ggml-partial-block` or `ggml-tensor-too-large`.
 */
export function ggmlTensorBytes(type: GgmlType, shape: readonly number[]): number {
  const rowElements = shape.at(-1) ?? 1;
  let rows = 1;
  for (let axis = 0; axis < shape.length - 1; axis++) rows *= shape[axis] ?? 1;
  if (rowElements % type.blockElements !== 0) {
    throw new PlimsollError({
      code: 'ggml-partial-block',
      message: `a row of ${rowElements} elements is not a whole number of ${type.name} blocks`,
      value: rowElements,
      limit: `a multiple of ${type.blockElements}`,
      hint: 'store this tensor in a type with a smaller block, for example Q8_0 or F16',
    });
  }
  const bytes = rows * ((rowElements / type.blockElements) * type.blockBytes + type.rowMetaBytes);
  if (!Number.isSafeInteger(bytes)) {
    throw new PlimsollError({
      code: 'ggml-tensor-too-large',
      message: `a tensor [${shape.join(', ')}] of ${type.name} has more bytes than a number can count`,
      value: shape.join(' x '),
      limit: Number.MAX_SAFE_INTEGER,
    });
  }
  return bytes;
}
