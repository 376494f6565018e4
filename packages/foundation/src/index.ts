export { AssertionError, assert, defined } from './assert.ts';
export { type Clock, monotonicClock } from './clock.ts';
export { type ErrorDetails, PlimsollError } from './errors.ts';
export {
  type Bytes,
  bytes,
  formatBytes,
  formatCount,
  formatSeconds,
  formatTokens,
  GiB,
  KiB,
  MiB,
  parseBytes,
  parseTokens,
  type Seconds,
  seconds,
} from './units.ts';
