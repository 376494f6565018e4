/** The operations that a model records on a tape; each registers its adjoint. */
export { attention, causalRanges } from './attention.ts';
export { add, gated, silu } from './elementwise.ts';
export { gatherRows } from './gather-rows.ts';
export { gru } from './gru.ts';
export { joinRows } from './join-rows.ts';
export { linear } from './linear.ts';
export { rmsNorm } from './rms-norm.ts';
export { rope, ropeAngles } from './rope.ts';
