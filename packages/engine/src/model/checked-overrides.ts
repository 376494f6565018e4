/** Refuses overrides whose architecture differs from the file's: they would have no effect. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files';
import type { ModelOverrides } from '../memory/model-config.ts';
import type { Architecture } from './architecture.ts';

/** Mixtures of experts that share a graph with a dense model but have other overrides. */
const mixtureNames: ReadonlyMap<string, string> = new Map<string, ModelOverrides['architecture']>([
  ['llama', 'mixtral'],
  ['qwen3', 'qwen3moe'],
]);

/** Returns the overrides if they name the model's architecture, else throws. */
export function checkedOverrides(
  overrides: ModelOverrides | null,
  { name }: Architecture,
  spec: ModelSpec,
): ModelOverrides | null {
  if (overrides === null) return null;
  const isMixture = spec.layers.some(({ mlp }) => mlp.kind === 'moe');
  const own = (isMixture ? mixtureNames.get(name) : undefined) ?? name;
  if (overrides.architecture === own) return overrides;
  throw new PlimsollError({
    code: 'override-of-another-architecture',
    message: `overrides of ${overrides.architecture} were given for ${spec.id}, which is ${own}`,
    value: overrides.architecture,
    limit: own,
    hint: `give overrides with architecture: '${own}', or none`,
  });
}
