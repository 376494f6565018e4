/** From what a graph says about rotation to the frequencies that the kernels' tables are made of. */
import { type RopeFrequencies, ropeFrequencies } from '@plimsoll/kernels';
import type { Rotation } from './graph.ts';

/** `contextMax`: the longest sequence that the engine is started for. It decides between the two lists of LongRoPE. */
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

/** Pairs beyond the share stand still. The share is of the head, rounded down, as transformers rounds it. */
function proportionalFactors(
  rotaryDim: number,
  { rotatedShare, factor }: { readonly rotatedShare: number; readonly factor: number },
): readonly number[] {
  const rotated = Math.floor((rotatedShare * rotaryDim) / 2);
  return Array.from({ length: rotaryDim / 2 }, (_, pair) =>
    pair < rotated ? factor : Number.POSITIVE_INFINITY,
  );
}
