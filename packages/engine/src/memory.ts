/** The MemoryManager and its parts, for a program that plans, allocates and compares memory without an engine. */
export { type ArenaMemory, type ArenaSource, createWasmArena } from './memory/arena.ts';
export {
  DeviceAllocator,
  type ScratchRequest,
  type ScratchSource,
} from './memory/device-allocator.ts';
export { type AccountLimits, type Charge, MemoryAccount, type Purpose } from './memory/memory-account.ts';
export {
  createMemoryManager,
  MemoryManager,
  type MemoryManagerOptions,
} from './memory/memory-manager.ts';
export { type ModelConfig, type ModelOverrides, modelOptions } from './memory/model-config.ts';
export { PinnedAllocator, type PinnedBlock } from './memory/pinned-allocator.ts';
export { type RegionRequest, VramAllocator } from './memory/vram-allocator.ts';
