/** The registry as the generated pages show it: every model and device once, and what holds what. Computed at build. */
import { modelSpecFromRecord } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import {
  type HardwareRecord,
  listHardware,
  listModels,
  type ModelRecord,
  type ModelRow,
  resolveHardware,
  resolveModel,
} from '@plimsoll/registry';
import { type Holding, holdingOf } from './capacity-grid.ts';

export interface ModelEntry {
  readonly row: ModelRow;
  readonly record: ModelRecord;
  readonly spec: ModelSpec;
}

export interface RegistryFacts {
  readonly models: readonly ModelEntry[];
  readonly devices: readonly HardwareRecord[];
  /** Of them, those that serve language models. */
  readonly servingDevices: readonly HardwareRecord[];
  holding(model: ModelEntry, device: HardwareRecord): Holding | null;
}

let facts: RegistryFacts | undefined;

export function registryFacts(): RegistryFacts {
  facts ??= readRegistry();
  return facts;
}

function readRegistry(): RegistryFacts {
  const models = listModels().map((row) => {
    const record = resolveModel(row.id);
    return { row, record, spec: modelSpecFromRecord(record) };
  });
  const devices = listHardware().map(({ id }) => resolveHardware(id));
  // Pages of models and pages of devices ask about the same pairs.
  const holdings = new Map<ModelEntry, Map<HardwareRecord, Holding | null>>();
  return {
    models,
    devices,
    servingDevices: devices.filter(({ noLanguageModels }) => noLanguageModels === undefined),
    holding: (model, device) => {
      const known = holdings.get(model) ?? new Map<HardwareRecord, Holding | null>();
      holdings.set(model, known);
      const found = known.get(device);
      if (found !== undefined) return found;
      const holding = holdingOf(model.spec, device);
      known.set(device, holding);
      return holding;
    },
  };
}

/** The registry's featured records first, in their order; the others as they come. */
export function featuredFirst<Entry extends object>(
  entries: readonly Entry[],
  featured: readonly { readonly id: string }[],
  idOf: (entry: Entry) => string,
): readonly Entry[] {
  const places = new Map(featured.map(({ id }, place) => [id, place]));
  const place = (entry: Entry): number => places.get(idOf(entry)) ?? places.size;
  return [...entries].sort((left, right) => place(left) - place(right));
}
