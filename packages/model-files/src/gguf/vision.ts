/** The vision tower of a GGUF file: llama.cpp keeps it in a file of its own, the projector (mmproj). */
import { PlimsollError } from '@plimsoll/foundation';
import type { TensorSpec, VisionSpec } from '../model-spec.ts';
import { MetadataReader } from './metadata-reader.ts';
import type { GgufContents } from './model-spec-from-gguf.ts';
import { modelTensorRole, placeOfTensor } from './tensor-names.ts';

/** Everything in a projector file is loaded, audio towers included, so every tensor counts. */
export function visionSpecFromGguf(contents: GgufContents): VisionSpec {
  const metadata = new MetadataReader(contents.metadata);
  if (metadata.architecture !== 'clip') {
    throw new PlimsollError({
      code: 'gguf-not-a-projector',
      message: `GGUF: this file holds a model of architecture "${metadata.architecture}", not a vision projector`,
      value: metadata.architecture,
      limit: 'clip',
      hint: 'projector files have names with mmproj',
    });
  }
  const tensors = contents.tensors.map(({ name, shape, type, bytes }): TensorSpec => {
    const role = modelTensorRole(placeOfTensor(name)) ?? 'vision';
    return { name, role, shape: [...shape], stored: { type: type.name, bytes } };
  });
  return {
    layers: metadata.optionalNumber('vision.block_count') ?? 0,
    hiddenSize: metadata.optionalNumber('vision.embedding_length') ?? 0,
    tensors,
    imageTokensMax: null,
  };
}
