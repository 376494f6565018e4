/**
 * The time of steps: one roofline for decode, prefill and steps that mix both. A browser worker loads only these files.
 */
export { type SpeedAssumptions, speedAssumptions } from './assumptions.ts';
export { hostLinkRate } from './host-link.ts';
export { expertShare, type ModelWork, modelWork, touchedShare } from './model-work.ts';
export { measuredEngine, requestSeconds } from './run-terms.ts';
export { addEntry, emptyLoad, type LoadEntry, type StepLoad } from './step-load.ts';
export { type DeviceSpeed, type StepTime, stepTime } from './step-time.ts';
