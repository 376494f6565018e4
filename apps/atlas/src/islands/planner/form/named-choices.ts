/** Models and devices in a list of matches, each with a second line: parameters, memory. */
import { formatBytes, formatTokens } from '@plimsoll/foundation';
import type { Registry } from '@plimsoll/registry';
import { fill } from '../../words.ts';
import type { NamedChoice } from '../state/choices.ts';

type Rows<Name extends 'searchModels' | 'searchHardware'> = ReturnType<Registry[Name]>[number];

/** `detail` has places for the parameters, in billions, and the context. */
export function modelChoice(row: Rows<'searchModels'>, detail: string): NamedChoice {
  const { id, parameters, contextLength } = row;
  return {
    value: id,
    detail: fill(detail, {
      parameters: parameters === null ? '?' : (parameters / 1e9).toPrecision(3),
      context: contextLength === null ? '?' : formatTokens(contextLength),
    }),
  };
}

export function deviceChoice({
  id,
  name,
  usableBytes,
  bandwidthBytesPerSecond,
}: Rows<'searchHardware'>): NamedChoice {
  return {
    value: id,
    detail: `${name}, ${formatBytes(usableBytes, 1)}, ${(bandwidthBytesPerSecond / 1e9).toFixed(0)} GB/s`,
  };
}
