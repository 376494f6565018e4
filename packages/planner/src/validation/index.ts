export type { RecordAnswer, Resolver } from '../engines/contract/log-record.ts';
export { loggedDevice } from '../engines/vllm/log-record.ts';
export type { LoopRun, LoopSimulator } from './performance-record.ts';
export { recordKinds } from './record-readers.ts';
export { type FieldStatistics, statisticsOf } from './statistics.ts';
export { type Validation, type ValidationSummary, validateRecords } from './validate.ts';
