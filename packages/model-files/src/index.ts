export { type ByteSource, memorySource } from './byte-source.ts';
export { type FileSource, openFileSource } from './byte-source-file.ts';
export { type HttpSourceOptions, openHttpSource } from './byte-source-http.ts';
export * from './config.ts';
export * from './files.ts';
export { badGeometry, type GeometryFault } from './geometry/geometry-error.ts';
export type {
  GgufArrayValue,
  GgufContents,
  GgufHeader,
  GgufScalarType,
  GgufTensor,
  GgufValue,
  GgufValueType,
} from './gguf/header.ts';
export { type GgufLimits, ggufLimits } from './gguf/limits.ts';
export { type GgufSpecOptions, modelSpecFromGguf } from './gguf/model-spec-from-gguf.ts';
export { type GgufReadOptions, parseGguf, readGgufHeader } from './gguf/read-header.ts';
export { readGgufFile, readGgufUrl } from './gguf/read-model.ts';
export { type GgufModel, type GgufModelTensor, type GgufPart, readGgufModel } from './gguf/split-files.ts';
export { TextTable, textLengthBytes } from './gguf/text-table.ts';
export { visionSpecFromGguf } from './gguf/vision.ts';
export {
  encodeGguf,
  type GgufLayout,
  type GgufTensorData,
  type GgufTensorPlan,
  ggufArray,
  ggufScalar,
  ggufString,
  ggufUint32,
  layOutGguf,
} from './gguf/write.ts';
export {
  parseSafetensorsHeader,
  readSafetensorsHeader,
  type SafetensorsHeader,
  type SafetensorsTensor,
  safetensorsBytes,
} from './safetensors/header.ts';
export {
  type DirectorySpecOptions,
  modelSpecFromDirectory,
} from './safetensors/model-spec-from-directory.ts';
export {
  type ModelDirectory,
  readModelDirectory,
  readSafetensors,
  weightsOf,
} from './safetensors/read-directory.ts';
export type { SafetensorsModel, ShardTensor } from './safetensors/sharded.ts';
export { CheckpointTensors, withStoredTypes } from './safetensors/stored-types.ts';
export {
  encodeSafetensors,
  layOutSafetensors,
  type SafetensorsData,
  type SafetensorsLayout,
  type SafetensorsPlan,
} from './safetensors/write.ts';
export * from './spec.ts';
