/** The entry for one step of the optimizer by hand; a trainer takes steps itself. */
export { adamWStep, clipFactor, globalNorm, usualAdamW } from './adamw.ts';
