/** One prompt, with none, most and all but its last block found in the cache. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { firstTokenTime } from '../../../../numbers/reference-case.ts';

/** Tokens of the prompt; most of it; all of it but the last block, which is always computed. */
const contextTokens = 8192;
const part = 6144;
const most = 8176;

export default function numbers(): Record<string, ComputedNumber> {
  return {
    ...given({ prompt: contextTokens, part, most }),
    'ttft-miss': firstTokenTime({ contextTokens }),
    'ttft-part': firstTokenTime({ contextTokens, cachedTokens: part }),
    'ttft-hit': firstTokenTime({ contextTokens, cachedTokens: most }),
  };
}
