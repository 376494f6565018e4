/** From what a graph says about rotation to the frequencies that the kernels' tables are made of. */
import { type RopeFrequencies, ropeFrequencies } from '@plimsoll/kernels';
import type { Rotation } from './graph.ts';

/** `contextMax`: the longest sequence that the engine is started for. It decides between the two lists of LongRoPE. */
export function frequenciesOf(rotation: Rotation, contextMax: number): RopeFrequencies {
  const { base, rotaryDim, scaling } = rotation;
  if (scaling.kind !== 'longrope') return ropeFrequencies({ base, rotaryDim, scaling });
  const { longFactors, shortFactors, originalContext, attentionFactor } = scaling;
  const factors = contextMax > originalContext ? longFactors : shortFactors;
  return ropeFrequencies({ base, rotaryDim, scaling: { kind: 'factors', factors, attentionFactor } });
}
