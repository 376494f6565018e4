/** Predictions for `plimsoll validate`: benchmark records that describe a run of requests. */
export { simulatedLoop } from './simulated-loop.ts';
