/** Blocks of the reference case. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { referencePlan } from '../../../../numbers/reference-case.ts';

/** Tokens of a block: the size the page works through. */
const blockTokens = 16;
const promptTokens = 100;

export default function numbers(): Record<string, ComputedNumber> {
  const { capacity } = referencePlan({ contextTokens: blockTokens });
  const blocks = Math.ceil(promptTokens / blockTokens);
  return {
    ...given({ block: blockTokens, prompt: promptTokens }),
    'prompt-blocks': {
      text: formatCount(blocks),
      derivation: `${promptTokens} tokens / ${blockTokens} per block, rounded up`,
    },
    'places-left': {
      text: formatCount(blocks * blockTokens - promptTokens),
      derivation: `${blocks} blocks x ${blockTokens} tokens - ${promptTokens} tokens`,
    },
    'waste-max': {
      text: formatCount(blockTokens - 1),
      derivation: `${blockTokens} places - the one that is used at least`,
    },
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
