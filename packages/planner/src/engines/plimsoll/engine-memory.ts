/** The memory of our own engine, entry by entry: `packages/engine` allocates exactly this plan. */

export { type MemoryBudget, sequencesHeld } from './budget.ts';
export type { EngineMemoryPlan, StoragePlan } from './engine-memory-plan.ts';
export { engineSpeed } from './engine-speed.ts';
export { planEngineMemory } from './memory-plan.ts';
export { admitEngineMemory, memoryNeeded } from './option-changes.ts';
export type { PlacedTensor } from './regions.ts';
export { arenaBytesLimit, type EngineOptions, pageBytes, usualThreadsMax } from './settings.ts';
export type { HeadBufferName, StepBufferName } from './step-buffers.ts';
export {
  quantisedActivationBytes,
  type StorageFormat,
  sliceBytes,
  storageFormats,
} from './storage-format.ts';
