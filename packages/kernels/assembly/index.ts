/**
 * The module's entries: `lead` runs a batch of commands from the arena's control region for the calling thread,
 * `follow` for the other threads. Nothing allocates, and there are no data segments.
 */
export * from './masks';
export { follow, lead } from './phases';

/** Number of this build: 0 baseline SIMD, 1 relaxed SIMD, 2 relaxed SIMD with 32-bit dot products. */
export const variant: i32 = DOT_VARIANT;
