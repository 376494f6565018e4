/**
 * The module's entries: `lead` and `follow` run a batch of commands that lie in the control region of the arena, for the
 * calling thread and for the others. Nothing here allocates, and there are no data segments.
 */
export * from './masks';
export { follow, lead } from './phases';

/** Which build this is: 0 baseline SIMD, 1 relaxed SIMD, 2 relaxed SIMD with 32-bit dot products. */
export const variant: i32 = DOT_VARIANT;
