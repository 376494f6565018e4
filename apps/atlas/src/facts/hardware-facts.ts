/** What the page of a device says beyond its record: which models it holds, largest first. */
import { featuredModels, type HardwareRecord } from '@plimsoll/registry';
import { asUsual, type Holding, holdingOf } from './capacity-grid.ts';
import type { ModelEntry, RegistryFacts } from './registry-facts.ts';

export interface HeldModel {
  readonly model: ModelEntry;
  /** Null if eight of the devices are not enough. */
  readonly holding: Holding | null;
}

export interface HardwareFacts {
  /** The registry's featured models, each in the best format that fits. Models that do not fit are listed too. */
  readonly wellKnown: readonly HeldModel[];
  /** Every other model that fits on one device in its published format. */
  readonly others: readonly HeldModel[];
  /** Count of the registry's models that fit on one device in their published format. */
  readonly fitCount: number;
  readonly modelCount: number;
}

export function hardwareFacts(device: HardwareRecord, facts: RegistryFacts): HardwareFacts {
  const held = facts.models.map((model) => ({ model, holding: facts.holding(model, device) }));
  const fit = held.filter(({ holding }) => holding?.devices === 1);
  const featured = new Set(featuredModels().map(({ id }) => id));
  const isWellKnown = ({ row }: ModelEntry): boolean => featured.has(row.id);
  const bySize = (left: HeldModel, right: HeldModel): number => parametersOf(right) - parametersOf(left);
  const serving = asUsual(device);
  return {
    wellKnown: facts.models
      .filter(isWellKnown)
      .map((model) => ({ model, holding: holdingOf(model.spec, device, serving) }))
      .sort(bySize),
    others: fit.filter(({ model }) => !isWellKnown(model)).sort(bySize),
    fitCount: fit.length,
    modelCount: facts.models.length,
  };
}

function parametersOf({ model }: HeldModel): number {
  return model.row.parameters ?? 0;
}

/** The name of a device where there is little room: "NVIDIA GeForce RTX 4090" -> "RTX 4090". */
export function deviceLabel({ name, vendor }: Pick<HardwareRecord, 'name' | 'vendor'>): string {
  const own = name.startsWith(`${vendor} `) ? name.slice(vendor.length + 1) : name;
  return own.replace(/^(?:GeForce|Instinct) /, '').replace(/ \d+GB$/, '');
}
