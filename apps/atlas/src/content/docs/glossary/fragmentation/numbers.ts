/** Reserving for the worst case against handing out blocks, on the reference case. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, referencePlan } from '../../../../numbers/reference-case.ts';

/** The page's example: what is allowed, what a request needs on average, and the block size. All in tokens. */
const contextMax = 8192;
const contextMean = 2048;
const blockTokens = 16;
/** Gaps between others and a request that none of them holds. In GiB. */
const gaps = [3, 2, 3];
const request = 4;

export default function numbers(): Record<string, ComputedNumber> {
  const reserved = referencePlan({ contextTokens: contextMax }).capacity;
  const used = referencePlan({ contextTokens: contextMean }).capacity;
  const free = gaps.reduce((sum, gap) => sum + gap, 0);
  assert(request > Math.max(...gaps) && request <= free, 'there is room in total and in no one place');
  return {
    ...given({
      'context-max': contextMax,
      'context-mean': contextMean,
      block: blockTokens,
      'request-gib': request,
    }),
    gaps: {
      text: gaps.join(', ').replace(/, (?=\d+$)/, ' and '),
      derivation: 'the gaps of the example',
      isGiven: true,
    },
    'free-gib': { text: String(free), derivation: `${gaps.join(' + ')} GiB` },
    reserved: cacheBytesPerUser({ contextTokens: contextMax }),
    used: cacheBytesPerUser({ contextTokens: contextMean }),
    'internal-waste': {
      text: (100 * (1 - used.bytesPerUser / reserved.bytesPerUser)).toFixed(0),
      derivation: `1 - ${formatBytes(used.bytesPerUser)} used / ${formatBytes(reserved.bytesPerUser)} reserved`,
    },
    'users-static': {
      text: formatCount(reserved.usersMax),
      derivation: `floor(${formatBytes(reserved.poolBytes)} beside the weights / ${formatBytes(reserved.bytesPerUser)})`,
    },
    'users-paged': {
      text: formatCount(used.usersMax),
      derivation: `floor(${formatBytes(used.poolBytes)} beside the weights / ${formatBytes(used.bytesPerUser)})`,
    },
    'block-waste': {
      text: ((100 * (blockTokens - 1)) / contextMean).toFixed(1),
      derivation: `${blockTokens - 1} empty places / ${formatCount(contextMean)} tokens`,
    },
  };
}
