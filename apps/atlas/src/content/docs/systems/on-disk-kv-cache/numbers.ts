/** From which reading speed on a disk beats computing again, on the reference case. */
import { assert, formatBytes } from '@plimsoll/foundation';
import { roundEstimate } from '@plimsoll/foundation/estimates';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, firstTokenTime, referencePlan } from '../../../../numbers/reference-case.ts';

/** Tokens of the text that comes back, and the disk that the page speaks of, in GB per second. */
const lengths = { '2k': 2048, '8k': 8192, '32k': 32_768, '128k': 131_072 };
const diskGigabytesPerSecond = 2;

export default function numbers(): Record<string, ComputedNumber> {
  const rows = Object.entries(lengths).map(([name, contextTokens]) => ({
    ...given({ [`tokens-${name}`]: contextTokens }),
    [`bytes-${name}`]: cacheBytesPerUser({ contextTokens }),
    [`prefill-${name}`]: firstTokenTime({ contextTokens }),
    [`even-${name}`]: evenBandwidth(contextTokens),
  }));
  const disk = diskGigabytesPerSecond * 1e9;
  assert(
    disk < evenBytesPerSecond(lengths['8k']) && disk > evenBytesPerSecond(lengths['128k']),
    'the disk loses, then wins',
  );
  return {
    ...given({ 'disk-gb': diskGigabytesPerSecond }),
    'written-per-day': writtenPerDay(lengths['8k']),
    ...Object.assign({}, ...rows),
  };
}

/** By the seconds as the table shows them, so that its columns agree: an estimate is not known better. */
function evenBytesPerSecond(contextTokens: number): number {
  const { capacity, speed } = referencePlan({ contextTokens });
  return capacity.bytesPerUser / roundEstimate(speed.ttftSeconds);
}

function writtenPerDay(contextTokens: number): ComputedNumber {
  const perSecond = evenBytesPerSecond(contextTokens);
  return {
    text: `${roundEstimate((perSecond * 86_400) / 1e12)} TB`,
    derivation: `${evenBandwidth(contextTokens).text} of cache made while prompts of ${contextTokens} tokens are prefilled x 86,400 seconds`,
  };
}

function evenBandwidth(contextTokens: number): ComputedNumber {
  const { capacity, speed } = referencePlan({ contextTokens });
  return {
    text: `${(evenBytesPerSecond(contextTokens) / 1e9).toFixed(1)} GB per second`,
    derivation: `${formatBytes(capacity.bytesPerUser)} of cache / ${roundEstimate(speed.ttftSeconds)} s of prefill, estimated`,
  };
}
