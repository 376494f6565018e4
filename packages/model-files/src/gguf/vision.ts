/** Reads the vision tower of a GGUF file: llama.cpp stores it in a separate file, the projector (mmproj). */
import { PlimsollError } from '@plimsoll/foundation';
import { checkTensors } from '../geometry/geometry.ts';
import type { TensorSpec, VisionSpec } from '../model-spec.ts';
import { patchesMerged } from './architectures.ts';
import type { GgufContents } from './header.ts';
import { MetadataReader } from './metadata-reader.ts';
import { modelTensorRole, placeOfTensor } from './tensor-names.ts';

/**
 * Reads a projector file. Engines load everything in it, audio towers included, so every tensor counts. Throws
 * `gguf-not-a-projector`.
 */
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
  checkTensors(tensors);
  const projector = metadata.text('clip.vision.projector_type') ?? metadata.text('clip.projector_type') ?? '';
  const merged =
    metadata.optionalNumber('vision.spatial_merge_size') ??
    metadata.optionalNumber('vision.projector.scale_factor') ??
    patchesMerged(projector);
  return {
    ...towerOf(tensors),
    layers: metadata.optionalNumber('vision.block_count') ?? 0,
    hiddenSize: metadata.optionalNumber('vision.embedding_length') ?? 0,
    pixelsPerToken: ((metadata.optionalNumber('vision.patch_size') ?? 0) * merged) ** 2,
  };
}

/**
 * Finds a vision tower inside the model's file. Some tools put it there without its metadata, so only its tensors
 * describe it.
 */
export function visionInside(tensors: readonly TensorSpec[]): VisionSpec | null {
  const inside = tensors.filter(isVisionTensor);
  return inside.length === 0 ? null : towerOf(inside);
}

export function isVisionTensor({ role }: TensorSpec): boolean {
  return role === 'vision' || role === 'projector';
}

function towerOf(tensors: readonly TensorSpec[]): VisionSpec {
  const layers = new Set(tensors.flatMap(({ name }) => /^v\.blk\.(\d+)\./.exec(name)?.[1] ?? []));
  // [hidden, channels, patch rows, patch columns]
  const patches = tensors.find(({ name }) => name === 'v.patch_embd.weight')?.shape;
  return {
    layers: layers.size,
    hiddenSize: patches?.[0] ?? 0,
    tensors,
    imageTokensMax: null,
    pixelsPerToken: (patches?.at(-1) ?? 0) ** 2,
  };
}
