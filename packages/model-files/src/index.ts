/** The path from a model's files to its ModelSpec. Subpaths hold the parts of it, the writers and the types. */
export { openFileSource } from './byte-source-file.ts';
export { type HttpSourceOptions, openHttpSource } from './byte-source-http.ts';
export { type ModelSpecOptions, modelSpecFromConfig } from './config/model-spec-from-config.ts';
export { badGeometry } from './geometry/geometry-error.ts';
export { type GgufSpecOptions, modelSpecFromGguf } from './gguf/model-spec-from-gguf.ts';
export { readGgufFile, readGgufUrl } from './gguf/read-model.ts';
export type { GgufModel } from './gguf/split-files.ts';
export type { LayerSpec, ModelSpec } from './model-spec.ts';
export {
  type DirectorySpecOptions,
  modelSpecFromDirectory,
} from './safetensors/model-spec-from-directory.ts';
export { type ModelDirectory, readModelDirectory, readSafetensors } from './safetensors/read-directory.ts';
export type { SafetensorsModel } from './safetensors/sharded.ts';
