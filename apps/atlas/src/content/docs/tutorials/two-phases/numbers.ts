/** The numbers of the two phases, on the reference case. */
import { formatCount } from '@plimsoll/foundation';
import { roundEstimate } from '@plimsoll/foundation/estimates';
import { resolveHardware } from '@plimsoll/registry';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  estimatedSeconds,
  firstTokenTime,
  ratio,
  referenceHardware,
  referencePlan,
  stepTime,
} from '../../../../numbers/reference-case.ts';

/** Tokens of the prompts. */
const prompt = 4096;
const usual = 8192;
const half = 16_384;
const long = 32_768;

export default function numbers(): Record<string, ComputedNumber> {
  const { speed } = referencePlan({ contextTokens: prompt });
  const each = speed.ttftSeconds / speed.promptTokens;
  const { ttftSeconds, tpotSeconds } = referencePlan({ contextTokens: usual }).speed;
  const { memory, rates } = resolveHardware(referenceHardware);
  const ridge = (rates.bf16 ?? 0) / memory.bandwidthBytesPerSecond;
  return {
    ...given({ prompt, usual, half, long }),
    ridge: {
      ...ratio(rates.bf16 ?? 0, memory.bandwidthBytesPerSecond, {
        meaning: 'tokens for which two operations with a weight of two bytes take as long as reading it',
      }),
      text: formatCount(roundEstimate(ridge)),
    },
    prefill: firstTokenTime({ contextTokens: prompt }),
    'prefill-each': {
      text: estimatedSeconds(each),
      derivation: `prefill of one token: ${estimatedSeconds(speed.ttftSeconds)} / ${formatCount(speed.promptTokens)} prompt tokens`,
    },
    'decode-each': stepTime({ contextTokens: prompt }),
    ratio: {
      ...ratio(speed.tpotSeconds, each, { meaning: 'one token written / one token read' }),
      text: formatCount(roundEstimate(speed.tpotSeconds / each)),
    },
    'ttft-16k': firstTokenTime({ contextTokens: half }),
    'ttft-32k': firstTokenTime({ contextTokens: long }),
    'ttft-8k': firstTokenTime({ contextTokens: usual }),
    'tpot-8k': stepTime({ contextTokens: usual }),
    'break-even': {
      text: `${roundEstimate(ttftSeconds / tpotSeconds)} tokens`,
      derivation: `tokens of answer that take as long as the prompt: ${estimatedSeconds(ttftSeconds)} / ${estimatedSeconds(tpotSeconds)}`,
    },
  };
}
