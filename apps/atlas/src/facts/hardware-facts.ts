/** What the page of a device says beyond its record: which models it holds, largest first. */
import { featuredModels, type HardwareRecord } from '@plimsoll/registry';
import type { Holding } from './capacity-grid.ts';
import type { ModelEntry, RegistryFacts } from './registry-facts.ts';

export interface HeldModel {
  readonly model: ModelEntry;
  /** Null where not even eight of the device are enough. */
  readonly holding: Holding | null;
}

export interface HardwareFacts {
  /** The registry's featured models, whether or not they fit. */
  readonly wellKnown: readonly HeldModel[];
  /** Every other model that fits on one. */
  readonly others: readonly HeldModel[];
  readonly modelCount: number;
}

export function hardwareFacts(device: HardwareRecord, facts: RegistryFacts): HardwareFacts {
  const held = facts.models.map((model) => ({ model, holding: facts.holding(model, device) }));
  const featured = new Set(featuredModels().map(({ id }) => id));
  const isWellKnown = ({ model }: HeldModel): boolean => featured.has(model.row.id);
  const bySize = (left: HeldModel, right: HeldModel): number => parametersOf(right) - parametersOf(left);
  return {
    wellKnown: held.filter(isWellKnown).sort((left, right) => bySize(right, left)),
    others: held.filter((entry) => !isWellKnown(entry) && entry.holding?.devices === 1).sort(bySize),
    modelCount: facts.models.length,
  };
}

function parametersOf({ model }: HeldModel): number {
  return model.row.parameters ?? 0;
}
