/** The numbers of the two phases, on the reference case. */
import { formatCount, roundEstimate } from '@plimsoll/foundation';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import {
  estimatedSeconds,
  firstTokenTime,
  ratio,
  referencePlan,
  stepTime,
} from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const { speed } = referencePlan({ contextTokens: 4096 });
  const each = speed.ttftSeconds / speed.promptTokens;
  const long = referencePlan({ contextTokens: 8192 }).speed;
  return {
    prefill: firstTokenTime({ contextTokens: 4096 }),
    'prefill-each': {
      text: estimatedSeconds(each),
      derivation: `prefill of one token: ${estimatedSeconds(speed.ttftSeconds)} / ${formatCount(speed.promptTokens)} prompt tokens`,
    },
    'decode-each': stepTime({ contextTokens: 4096 }),
    ratio: {
      ...ratio(speed.tpotSeconds, each, { meaning: 'one token written / one token read' }),
      text: formatCount(roundEstimate(speed.tpotSeconds / each)),
    },
    'ttft-16k': firstTokenTime({ hardware: 'h200-sxm-141gb', contextTokens: 16_384 }),
    'ttft-32k': firstTokenTime({ hardware: 'h200-sxm-141gb', contextTokens: 32_768 }),
    'ttft-8k': firstTokenTime({ contextTokens: 8192 }),
    'tpot-8k': stepTime({ contextTokens: 8192 }),
    'break-even': {
      text: `${roundEstimate(long.ttftSeconds / long.tpotSeconds)} tokens`,
      derivation: `tokens of answer that take as long as the prompt: ${estimatedSeconds(long.ttftSeconds)} / ${estimatedSeconds(long.tpotSeconds)}`,
    },
  };
}
