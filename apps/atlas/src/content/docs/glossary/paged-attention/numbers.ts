/** Blocks of the reference case. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { referencePlan } from '../../../../numbers/reference-case.ts';

/** Tokens of a block: the size the page works through. */
const blockTokens = 16;

export default function numbers(): Record<string, ComputedNumber> {
  const { capacity } = referencePlan({ contextTokens: blockTokens });
  return {
    'block-bytes': {
      text: formatBytes(capacity.bytesPerUser),
      derivation: `${blockTokens} tokens x ${formatCount(capacity.bytesPerToken)} bytes per token`,
    },
    'block-count': {
      text: formatCount(Math.floor(capacity.poolBytes / capacity.bytesPerUser)),
      derivation: `floor(${formatBytes(capacity.poolBytes)} beside the weights / ${formatBytes(capacity.bytesPerUser)} per block)`,
    },
  };
}
