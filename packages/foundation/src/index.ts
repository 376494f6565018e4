export { AssertionError, assert, defined } from './assert.ts';
export { type Clock, monotonicClock } from './clock.ts';
export { type ErrorDetails, PlimsollError } from './errors.ts';
export { aboutCount, aboutSeconds } from './estimates.ts';
export { type Random, randomInteger, seededRandom } from './random.ts';
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
  roundEstimate,
  type Seconds,
  seconds,
  type Tokens,
  tokens,
} from './units.ts';
