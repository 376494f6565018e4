/** Computes the frequencies of the kernels' rotary tables from a graph's rotation. */
import { type RopeFrequencies, ropeFrequencies } from '@plimsoll/kernels/rope';
import type { Rotation } from './graph.ts';

/** `contextMax`: the longest sequence of the engine, in tokens. It selects one of the two lists of LongRoPE. */
export function frequenciesOf(rotation: Rotation, contextMax: number): RopeFrequencies {
  const { base, rotaryDim, scaling } = rotation;
  if (scaling.kind === 'proportional') {
    const factors = proportionalFactors(rotaryDim, scaling);
    return ropeFrequencies({ base, rotaryDim, scaling: { kind: 'factors', factors, attentionFactor: 1 } });
  }
  if (scaling.kind !== 'longrope') return ropeFrequencies({ base, rotaryDim, scaling });
  const { longFactors, shortFactors, originalContext, attentionFactor } = scaling;
  const factors = contextMax > originalContext ? longFactors : shortFactors;
  return ropeFrequencies({ base, rotaryDim, scaling: { kind: 'factors', factors, attentionFactor } });
}

/** Pairs beyond the share do not rotate. The number of rotated pairs is rounded down, as in transformers. */
function proportionalFactors(
  rotaryDim: number,
  { rotatedShare, factor }: { readonly rotatedShare: number; readonly factor: number },
): readonly number[] {
  const rotated = Math.floor((rotatedShare * rotaryDim) / 2);
  return Array.from({ length: rotaryDim / 2 }, (_, pair) =>
    pair < rotated ? factor : Number.POSITIVE_INFINITY,
  );
}
