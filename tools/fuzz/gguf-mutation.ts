/**
 * Makes one semantic change in a GGUF file: a value, its type, a dimension, a tensor's type or data. Our own writer
 * writes the file, so the rest of the file is valid.
 */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { type GgufArrayValue, type GgufValue, parseGguf } from '@plimsoll/model-files/gguf';
import { ggmlTensorBytes, ggmlTypes } from '@plimsoll/model-files/spec';
import { encodeGguf, type GgufTensorData } from '@plimsoll/model-files/writing';
import { chance, changedNumber, oddText, pick, place, realEdges } from './chance.ts';

export interface GgufParts {
  readonly metadata: (readonly [string, GgufValue])[];
  readonly tensors: GgufTensorData[];
}

export function partsOf(bytes: Uint8Array): GgufParts {
  const header = parseGguf(bytes, { arrays: 'all' });
  return {
    metadata: [...header.metadata],
    tensors: header.tensors.map(({ name, type, shape, offset, bytes: size }) => ({
      name,
      type,
      shape,
      data: bytes.subarray(offset, offset + size),
    })),
  };
}

export function encodeParts({ metadata, tensors }: GgufParts): Uint8Array {
  return encodeGguf(tensors, { metadata });
}

/** Changes one part in place and returns a description; the caller owns the parts. */
export function mutateGguf(parts: GgufParts, random: Random): string {
  return chance(random, 0.55) ? mutateMetadata(parts, random) : mutateTensor(parts, random);
}

function mutateMetadata({ metadata }: GgufParts, random: Random): string {
  const at = place(random, metadata);
  const entry = at === null ? undefined : metadata[at];
  if (at === null || entry === undefined) return 'no metadata';
  const [key, value] = entry;
  if (chance(random, 0.08)) {
    metadata.splice(at, 1);
    return `${key} taken out`;
  }
  const changed = value.type === 'array' ? changedArray(value, random) : changedScalar(value, random);
  metadata[at] = [key, changed];
  const shown = changed.type === 'array' ? `${changed.length} x ${changed.elementType}` : changed.value;
  return `${key} = ${changed.type} ${String(shown).slice(0, 80)}`;
}

type Scalar = Exclude<GgufValue, GgufArrayValue>;

function changedScalar({ type, value }: Scalar, random: Random): GgufValue {
  if (chance(random, 0.12)) return otherType(random);
  if (type === 'string') return { type, value: chance(random, 0.5) ? oddText(random) : changedName(random) };
  if (type === 'bool') return { type, value: value !== true };
  if (type === 'float32' || type === 'float64') return { type, value: pick(random, realEdges) };
  const number = changedNumber(random, Number(value));
  const whole = Math.trunc(Number.isFinite(number) ? number : 0);
  return { type, value: type === 'uint64' || type === 'int64' ? BigInt(whole) : whole };
}

/** Returns a value for keys that choose something by name. */
function changedName(random: Random): string {
  return pick(random, [
    'llama',
    'qwen2',
    'qwen3',
    'qwen3moe',
    'gemma2',
    'gemma3',
    'phi3',
    'gpt2',
    'mamba',
    'yarn',
    'linear',
    'longrope',
    'none',
    'default',
  ]);
}

function otherType(random: Random): GgufValue {
  return pick<GgufValue>(random, [
    { type: 'string', value: oddText(random) },
    { type: 'uint8', value: 3 },
    { type: 'int32', value: -1 },
    { type: 'int64', value: -1n },
    { type: 'uint64', value: 2n ** 63n },
    { type: 'float32', value: 0.5 },
    { type: 'bool', value: true },
    { type: 'array', elementType: 'uint32', length: 2, values: [1, 0] },
    { type: 'array', elementType: 'string', length: 1, values: ['x'] },
    { type: 'array', elementType: 'float32', length: 0, values: [] },
  ]);
}

function changedArray(array: GgufArrayValue, random: Random): GgufValue {
  const values = [...(array.values ?? [])];
  const at = randomInteger(random, 0, values.length + 1);
  const element = values[at];
  const changes: readonly (() => typeof values)[] = [
    () => values.slice(0, at),
    () => values.slice(at),
    () => [...values, ...values.slice(0, at)],
    () => values.toReversed(),
    () => values.with(Math.min(at, values.length - 1), values[0] ?? 0),
    () => {
      if (typeof element === 'string') return values.with(at, oddText(random));
      return typeof element === 'number' ? values.with(at, changedElement(array, element, random)) : [];
    },
  ];
  if (chance(random, 0.05) || values.length === 0) return otherType(random);
  const changed = pick(random, changes)();
  return { ...array, length: changed.length, values: changed };
}

function changedElement({ elementType }: GgufArrayValue, value: number, random: Random): number {
  if (elementType.startsWith('float')) return pick(random, realEdges);
  return Math.trunc(changedNumber(random, value));
}

function mutateTensor({ tensors }: GgufParts, random: Random): string {
  const at = place(random, tensors);
  const tensor = at === null ? undefined : tensors[at];
  if (at === null || tensor === undefined) return 'no tensors';
  const other = pick(random, tensors);
  const changes: readonly (() => string)[] = [
    () => {
      tensors.splice(at, 1);
      return `${tensor.name} taken out`;
    },
    () => {
      const name = pick(random, [
        `${tensor.name}x`,
        tensor.name.replace('0', '00'),
        oddText(random),
        'blk.9.attn_q.weight',
      ]);
      tensors[at] = { ...tensor, name };
      return `${tensor.name} renamed to ${name.slice(0, 40)}`;
    },
    () => {
      tensors[at] = { ...other, name: tensor.name };
      return `${tensor.name} is a copy of ${other.name}`;
    },
    () => {
      tensors[at] = { ...tensor, name: other.name };
      return `${tensor.name} is called ${other.name} too`;
    },
    () => reshape(tensors, at, changedShape(tensor.shape, random)),
    () => reshape(tensors, at, changedShape(tensor.shape, random)),
    () => retype(tensors, at, random),
    () => refill(tensors, at, random),
  ];
  return pick(random, changes)();
}

function changedShape(shape: readonly number[], random: Random): readonly number[] {
  const axis = randomInteger(random, 0, Math.max(1, shape.length));
  const sizes = [0, 1, 2, 8, 16, 32, 64, 96, 128, 256, 320];
  return pick<() => readonly number[]>(random, [
    () => shape.with(Math.min(axis, shape.length - 1), pick(random, sizes)),
    () => shape.toReversed(),
    () => [1, ...shape],
    () => [...shape, 1],
    () => shape.slice(1),
    () => [shape.reduce((product, size) => product * size, 1)],
    () => [],
  ])();
}

/** Fills the data to the size of the shape by repeating rows of the old data. */
function reshape(tensors: GgufTensorData[], at: number, shape: readonly number[]): string {
  const tensor = tensors[at];
  if (tensor === undefined) return 'no tensor';
  const columns = shape.at(-1) ?? 1;
  if (columns % tensor.type.blockElements !== 0) return 'no whole blocks';
  const data = repeated(tensor.data, ggmlTensorBytes(tensor.type, shape));
  tensors[at] = { ...tensor, shape, data };
  return `${tensor.name} is [${shape.join(', ')}]`;
}

function retype(tensors: GgufTensorData[], at: number, random: Random): string {
  const tensor = tensors[at];
  if (tensor === undefined) return 'no tensor';
  const columns = tensor.shape.at(-1) ?? 1;
  const type = pick(
    random,
    ggmlTypes.filter((candidate) => columns % candidate.blockElements === 0),
  );
  const data = repeated(tensor.data, ggmlTensorBytes(type, tensor.shape));
  tensors[at] = { ...tensor, type, data };
  return `${tensor.name} is stored as ${type.name}`;
}

function refill(tensors: GgufTensorData[], at: number, random: Random): string {
  const tensor = tensors[at];
  if (tensor === undefined) return 'no tensor';
  const data = tensor.data.slice();
  const kind = pick(random, ['zero', 'ones', 'noise', 'large', 'one place']);
  if (kind === 'zero') data.fill(0);
  if (kind === 'ones') data.fill(0xff);
  for (let index = 0; index < data.length; index++) {
    if (kind === 'noise') data[index] = randomInteger(random, 0, 256);
    // These bytes are the largest finite halves, and large values as floats too.
    if (kind === 'large') data[index] = index % 2 === 0 ? 0xff : 0x7b;
  }
  if (kind === 'one place') data[randomInteger(random, 0, Math.max(1, data.length))] = 0x7f;
  tensors[at] = { ...tensor, data };
  return `${tensor.name} holds ${kind}`;
}

function repeated(data: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length && data.length > 0; at += data.length) {
    bytes.set(data.subarray(0, Math.min(data.length, length - at)), at);
  }
  return bytes;
}
