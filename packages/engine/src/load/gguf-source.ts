/** Weights of a GGUF model in one or more files. The reader has checked the headers; data is read on demand. */
import { dirname, join } from 'node:path';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { type GgufModel, openFileSource } from '@plimsoll/model-files';
import type { GgufModelTensor } from '@plimsoll/model-files/gguf';
import { openFiles } from './open-files.ts';
import { readExactly } from './read-exactly.ts';
import type { SourceTensor, TensorAddress, WeightSource } from './weight-source.ts';

export async function openGgufSource(path: string, model: GgufModel): Promise<WeightSource> {
  refuseBigEndian(path, model);
  const files = await openFiles(model.parts.map(({ name }) => join(dirname(path), name)));
  const byName = new Map(model.tensors.map((tensor) => [tensor.name, tensor]));
  return {
    ...files,
    tensor: (address) => sliceOf(defined(byName.get(fullName(address)), `no ${fullName(address)}`), address),
  };
}

function fullName({ layer, name }: TensorAddress): string {
  return layer === null ? name : `blk.${layer}.${name}`;
}

function sliceOf(
  { name, type, bytes, offset, part: file }: GgufModelTensor,
  { slice, slices }: TensorAddress,
): SourceTensor {
  const sliceBytes = bytes / slices;
  return { name, type: type.name, bytes: sliceBytes, file, offset: offset + slice * sliceBytes };
}

function refuseBigEndian(path: string, model: GgufModel): void {
  if (model.parts.every(({ header }) => header.littleEndian)) return;
  throw new PlimsollError({
    code: 'gguf-big-endian',
    message: `${path} stores its weights in big-endian order`,
    value: 'big-endian',
    limit: 'little-endian',
    hint: 'convert it with gguf-convert-endian, which the gguf Python package installs',
  });
}

/** Reads all values of a small f32 tensor outside layers; null if the model has no tensor of that name. */
export async function readFloats(
  path: string,
  model: GgufModel,
  name: string,
): Promise<readonly number[] | null> {
  const tensor = model.tensors.find((candidate) => candidate.name === name);
  if (tensor === undefined) return null;
  const part = defined(model.parts[tensor.part], 'a tensor lies in a part of the model');
  // The tensor has one factor per rotated pair. A larger size means a damaged or hostile file.
  if (tensor.type.name !== 'F32' || tensor.bytes > 65_536) {
    throw new PlimsollError({
      code: 'unsupported-tensor-type',
      message: `tensor ${name} has ${tensor.bytes} bytes of ${tensor.type.name}`,
      value: tensor.type.name,
      limit: 'F32, at most 65536 bytes',
      hint: 'the file is damaged: download or convert it again',
    });
  }
  const source = await openFileSource(join(dirname(path), part.name));
  try {
    const { offset, bytes: length } = tensor;
    const bytes = await readExactly(source, length, { offset, name });
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    return Array.from({ length: length / 4 }, (_, index) =>
      view.getFloat32(4 * index, part.header.littleEndian),
    );
  } finally {
    await source.close();
  }
}
