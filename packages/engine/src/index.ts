export {
  AcceptanceStatistics,
  type AcceptanceSummary,
  expectedSpeedup,
  expectedTokensPerStep,
} from './draft/acceptance.ts';
export { draftFromHistory, type PromptLookupOptions } from './draft/prompt-lookup.ts';
export {
  type Distribution,
  type Draft,
  type Verdict,
  verifyDraft,
  verifyDraftGreedily,
} from './draft/speculative.ts';
export { Engine } from './engine.ts';
export type { LoadProgress } from './load/load-weights.ts';
export type { Model } from './load/model.ts';
export { type OpenOptions, openModel } from './load/open-model.ts';
export type { ObservationRequest } from './loop/observation.ts';
export type { StepListener, StepReport } from './loop/step-report.ts';
export { type ArenaMemory, type ArenaSource, createWasmArena } from './memory/arena.ts';
export {
  DeviceAllocator,
  type ScratchBlock,
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
export { type Region, type RegionRequest, VramAllocator } from './memory/vram-allocator.ts';
export type {
  GenerationChoice,
  GenerationEnd,
  GenerationPiece,
  GenerationRequest,
  GenerationResult,
} from './request/generation.ts';
export type { HiddenCapture } from './request/live-sequence.ts';
export type { Request, RequestUsage } from './request/request.ts';
export { breakersFromText } from './sampling/dry-breakers.ts';
export type { SampledLogprobs, TokenLogprob } from './sampling/log-probabilities.ts';
export { createSampler, type Sample, type Sampler } from './sampling/sampler.ts';
export type { DryParams, MirostatParams, SamplerParams, SamplerRequest } from './sampling/sampler-params.ts';
export { createEngine, type DraftStart, type EngineStart } from './start/create-engine.ts';
