export type { Advice, AdvisedRequest } from './advice/advice.ts';
export { type KvFormat, kvFormatNames, kvVectorBytes, parseKvFormat } from './bytes/kv-format.ts';
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
} from './bytes/ledger.ts';
export { deviceCount, type Parallelism, singleDevice } from './bytes/parallelism.ts';
export { elementBytes, parseElementType, weightFormatNames } from './bytes/weight-format.ts';
export {
  contextMaxFor,
  type Deployment,
  type EngineFigures,
  poolTokens,
  type Solution,
  solve,
  usersMax,
} from './deployment/deployment.ts';
export type { Price } from './deployment/price.ts';
export type { EngineName, PlanRequest } from './engines/engine-list.ts';
export { engineProfile, prepare, prepareIfPossible, refusalOf } from './engines/engines.ts';
export type { MemoryBudget } from './engines/plimsoll/budget.ts';
export { engineRequest } from './engines/plimsoll/engine-request.ts';
export {
  type EngineMemoryPlan,
  type EngineMemoryRequest,
  planEngineMemory,
  type StoragePlan,
} from './engines/plimsoll/memory-plan.ts';
export { admitEngineMemory, memoryNeeded } from './engines/plimsoll/option-changes.ts';
export type { PlacedRegion } from './engines/plimsoll/placement.ts';
export { type PlacedCache, type PlacedTensor, tensorRegionName } from './engines/plimsoll/regions.ts';
export {
  arenaBytesLimit,
  type EngineKvFormat,
  type EngineOptions,
  type EngineSettings,
  engineSettings,
  pageBytes,
  usualThreadsMax,
} from './engines/plimsoll/settings.ts';
export type {
  BufferLayout,
  BufferPlace,
  HeadBufferName,
  StepBufferName,
} from './engines/plimsoll/step-buffers.ts';
export {
  panelRows,
  quantisedActivationBytes,
  type StorageFormat,
  type StorageLayout,
  sliceBytes,
  storageFormats,
} from './engines/plimsoll/storage-format.ts';
export type { StorageHints, StoredTensor } from './engines/plimsoll/weight-storage.ts';
export { usualEngine } from './engines/usual-engine.ts';
export { type AdvisedPlan, type Plan, plan, planWithRequests } from './plan.ts';
export type { Workload } from './question/workload.ts';
