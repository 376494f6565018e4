export type { Advice, AdvisedRequest } from './advice.ts';
export {
  contextMaxFor,
  type Deployment,
  type EngineFigures,
  poolTokens,
  type Solution,
  solve,
  usersMax,
  type Workload,
} from './deployment.ts';
export type { MemoryBudget } from './engine-plimsoll/budget.ts';
export {
  type EngineMemoryPlan,
  type EngineMemoryRequest,
  planEngineMemory,
  type StoragePlan,
} from './engine-plimsoll/memory-plan.ts';
export { admitEngineMemory, memoryNeeded } from './engine-plimsoll/option-changes.ts';
export type { PlacedRegion } from './engine-plimsoll/placement.ts';
export { engineRequest } from './engine-plimsoll/profile.ts';
export { type PlacedCache, type PlacedTensor, tensorRegionName } from './engine-plimsoll/regions.ts';
export {
  arenaBytesLimit,
  type EngineKvFormat,
  type EngineOptions,
  type EngineSettings,
  engineSettings,
  type PlimsollOptions,
  pageBytes,
  usualThreadsMax,
} from './engine-plimsoll/settings.ts';
export type {
  BufferLayout,
  BufferPlace,
  HeadBufferName,
  StepBufferName,
} from './engine-plimsoll/step-buffers.ts';
export {
  panelRows,
  quantisedActivationBytes,
  type StorageFormat,
  type StorageLayout,
  sliceBytes,
  storageFormats,
} from './engine-plimsoll/storage-format.ts';
export type { StorageHints, StoredTensor } from './engine-plimsoll/weight-storage.ts';
export { prepare, prepareIfPossible, refusalOf } from './engines.ts';
export { type KvFormat, kvFormatNames, kvVectorBytes, parseKvFormat } from './kv-format.ts';
export {
  type Derivation,
  diffLedgers,
  formatDifference,
  type Ledger,
  type LedgerCategory,
  type LedgerDifference,
  type LedgerEntry,
  ledgerBytes,
  type MemoryTier,
} from './ledger.ts';
export { deviceCount, type Parallelism, singleDevice } from './parallelism.ts';
export type { SpeedAssumptions } from './performance.ts';
export { expertShare, touchedShare } from './performance-work.ts';
export { type AdvisedPlan, type Plan, plan, planWithRequests } from './plan.ts';
export { type EngineName, engineNames, type PlanRequest } from './plan-request.ts';
export type { Price } from './price.ts';
export { usualEngine } from './usual-engine.ts';
export { elementBytes, parseElementType, weightFormatNames } from './weight-format.ts';
