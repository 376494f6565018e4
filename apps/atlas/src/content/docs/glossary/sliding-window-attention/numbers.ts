/** The cache of Gemma 3 12B with its windows, and as if it had none. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { prepare } from '@plimsoll/planner';
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, requestFor } from '../../../../numbers/reference-case.ts';

const model = 'google/gemma-3-12b-it';

export default function numbers(): Record<string, ComputedNumber> {
  const { groups } = prepare(requestFor({ model }));
  const full = groups.find(({ kind }) => kind === 'full');
  const sliding = groups.find(({ kind }) => kind === 'sliding');
  assert(full !== undefined && sliding !== undefined, `${model} has layers of both kinds`);
  const layers = (value: number, kind: string): ComputedNumber => ({
    text: formatCount(value),
    derivation: `${kind} in the registry record of ${model}`,
  });
  const everything = (tokens: number): ComputedNumber => {
    const bytes = tokens * (full.layers * full.entryBytes + sliding.layers * sliding.entryBytes);
    return {
      text: formatBytes(bytes),
      derivation: `${formatCount(tokens)} tokens x (${full.layers} layers x ${full.terms} + ${sliding.layers} layers x ${sliding.terms}) = ${formatCount(bytes)} bytes`,
    };
  };
  return {
    'swa-layers': layers(sliding.layers, 'layers with a window'),
    'full-layers': layers(full.layers, 'layers without a window'),
    'swa-window': layers(sliding.tokensMax, 'sliding_window'),
    'swa-1k': cacheBytesPerUser({ model, contextTokens: 1024 }),
    'swa-8k': cacheBytesPerUser({ model, contextTokens: 8192 }),
    'swa-128k': cacheBytesPerUser({ model, contextTokens: 131_072 }),
    'full-1k': everything(1024),
    'full-8k': everything(8192),
    'full-128k': everything(131_072),
  };
}
