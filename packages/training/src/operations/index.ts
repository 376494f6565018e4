/** The operations that a model records on a tape; each registers its adjoint. */
export { attention, causalRanges } from './attention.ts';
export { add, gated } from './elementwise.ts';
export { gatherRows } from './gather-rows.ts';
export { linear } from './linear.ts';
export { rmsNorm } from './rms-norm.ts';
export { rope, ropeAngles } from './rope.ts';
