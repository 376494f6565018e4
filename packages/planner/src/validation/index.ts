export { loggedDevice, predictVllmRecord, type Resolver } from '../engines/vllm/log-record.ts';
export type { RecordAnswer } from './record.ts';
export { type FieldStatistics, statisticsOf } from './statistics.ts';
export { type Validation, type ValidationSummary, validateRecords } from './validate.ts';
