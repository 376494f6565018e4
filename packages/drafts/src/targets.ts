/** The entry for targets: engines that compute hidden states, and producers that store them. */
export { PlimsollTarget } from './targets/plimsoll-target.ts';
export { runLocalRollout, runRollout } from './targets/rollout.ts';
export { RolloutWorker } from './targets/rollout-worker.ts';
export { type CapturePlan, captureContract } from './targets/sample-features.ts';
export { SglangTarget, type SglangTransport } from './targets/sglang-target.ts';
export type { TargetEngine } from './targets/target-engine.ts';
export { VllmTarget, type VllmTargetOptions } from './targets/vllm-target.ts';
export { checkWanted, usualLayers } from './targets/wanted-states.ts';
