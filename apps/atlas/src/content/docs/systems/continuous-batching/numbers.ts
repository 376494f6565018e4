/** Four requests in two kinds of batch, and what a prompt does to the others. */
import { formatCount } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  estimatedSeconds,
  firstTokenTime,
  referencePlan,
  stepTime,
} from '../../../../numbers/reference-case.ts';

/** The example of the page: answers of four lengths, one prompt, and the chunk it is cut into. All in tokens. */
const lengths = [100, 200, 300, 1000];
const promptTokens = 8192;
const chunkTokens = 512;
const users = 32;

export default function numbers(): Record<string, ComputedNumber> {
  const longest = Math.max(...lengths);
  const used = lengths.reduce((sum, length) => sum + length, 0);
  const held = lengths.length * longest;
  const sums = lengths.map((length) => formatCount(length)).join(' + ');
  const chunks = promptTokens / chunkTokens;
  const prefillSeconds = referencePlan({ contextTokens: promptTokens }).speed.ttftSeconds;
  return {
    ...given({ prompt: promptTokens, chunk: chunkTokens, users }),
    lengths: {
      text: sums.replaceAll(' + ', ', ').replace(/, (?=\S+$)/, ' and '),
      derivation: 'the four lengths of the example, in tokens',
    },
    steps: { text: formatCount(longest), derivation: 'one step per token of the longest' },
    'places-static': {
      text: formatCount(held),
      derivation: `${lengths.length} places x ${formatCount(longest)} steps`,
    },
    'places-used': { text: formatCount(used), derivation: sums },
    'places-idle': {
      text: formatCount(held - used),
      derivation: `${formatCount(held)} - ${formatCount(used)}`,
    },
    'use-static': {
      text: ((100 * used) / held).toFixed(0),
      derivation: `${formatCount(used)} / ${formatCount(held)}`,
    },
    'stall-8k': firstTokenTime({ contextTokens: promptTokens }),
    'stall-512': {
      text: estimatedSeconds(prefillSeconds / chunks),
      derivation: `${estimatedSeconds(prefillSeconds)} / ${chunks} chunks`,
    },
    chunks: {
      text: formatCount(chunks),
      derivation: `${formatCount(promptTokens)} tokens / ${chunkTokens} per chunk`,
    },
    'step-32': stepTime({ contextTokens: 2048, users }),
  };
}
