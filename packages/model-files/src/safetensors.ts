/** The entry for the parts of a directory of safetensors files: headers, shards and stored types. */
export { withDrafterNames } from './safetensors/drafter-names.ts';
export {
  parseSafetensorsHeader,
  readSafetensorsHeader,
} from './safetensors/header.ts';
export { modelSpecFromRepository } from './safetensors/model-spec-from-repository.ts';
export { readModelRepository, weightsOf } from './safetensors/read-directory.ts';
export { CheckpointTensors, withStoredTypes } from './safetensors/stored-types.ts';
