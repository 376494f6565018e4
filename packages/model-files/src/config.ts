/** The entry for config.json alone, without a file system and without binary readers. */
export { type ModelSpecOptions, modelSpecFromConfig } from './config/model-spec-from-config.ts';
export { type ConfigRecord, modelSpecFromRecord } from './config/model-spec-from-record.ts';
export { type NamedQuantization, withQuantization } from './config/quantization/inferred.ts';
