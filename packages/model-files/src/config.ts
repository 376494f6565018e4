/** The entry for config.json alone: no file system, no binary readers. */
export { type ModelSpecOptions, modelSpecFromConfig } from './config/model-spec-from-config.ts';
export { type ConfigRecord, modelSpecFromRecord } from './config/model-spec-from-record.ts';
export { type NamedQuantization, withQuantization } from './config/quantization/inferred.ts';
