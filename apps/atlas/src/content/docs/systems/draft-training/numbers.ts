/** What recording the states of the reference model weighs. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { referenceModel, specOf } from '../../../../numbers/reference-case.ts';

/** Three layers inside and the last one, as EAGLE-3 drafts are trained in SpecForge. */
const layers = 4;
const bytesPerNumber = 2;
/** Tokens of text that is recorded. */
const recordings = { '1m': 1e6, '10m': 1e7, '100m': 1e8 };

export default function numbers(): Record<string, ComputedNumber> {
  const { hiddenSize, vocabSize } = specOf(referenceModel);
  const headBytes = vocabSize * hiddenSize * bytesPerNumber;
  const bytes = layers * hiddenSize * bytesPerNumber;
  const size = (tokens: number): ComputedNumber => ({
    text: formatBytes(tokens * bytes),
    derivation: `${formatCount(tokens)} tokens x ${formatCount(bytes)} bytes`,
  });
  const rows = Object.entries(recordings).map(([name, tokens]) => [`size-${name}`, size(tokens)] as const);
  return {
    hidden: {
      text: formatCount(hiddenSize),
      derivation: `hidden_size in the registry record of ${referenceModel}`,
    },
    vocabulary: {
      text: formatCount(vocabSize),
      derivation: `vocab_size in the registry record of ${referenceModel}`,
    },
    'head-bytes': {
      text: formatBytes(headBytes),
      derivation: `${formatCount(vocabSize)} rows x ${formatCount(hiddenSize)} numbers x ${bytesPerNumber} bytes`,
    },
    'feature-bytes': {
      text: `${formatCount(bytes)} bytes`,
      derivation: `${layers} layers x ${formatCount(hiddenSize)} numbers x ${bytesPerNumber} bytes`,
    },
    ...Object.fromEntries(rows),
    ...Object.assign(
      {},
      ...Object.entries(recordings).map(([name, tokens]) => given({ [`tokens-${name}`]: tokens })),
    ),
  };
}
