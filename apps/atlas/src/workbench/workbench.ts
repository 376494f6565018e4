/**
 * What pages compute with: models and devices by name. The same interface at build, where records are files, and in the
 * page, where they are fetched; cells, charts and the planner are written once against it.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord, Registry } from '@plimsoll/registry';

export interface Workbench {
  readonly registry: Registry;
  /** Throws `unknown-model` or `ambiguous-model` with names to choose from. */
  model(name: string): ModelSpec;
  hardware(name: string): HardwareRecord;
}

export function openWorkbench(registry: Registry, readSpec: (id: string) => ModelSpec): Workbench {
  // Kept, because everything the planner remembers about a model hangs on its spec.
  const specs = new Map<string, ModelSpec>();
  return {
    registry,
    hardware: (name) => registry.resolveHardware(name),
    model: (name) => {
      const id = idOf(registry, name);
      const spec = specs.get(id) ?? readSpec(id);
      specs.set(id, spec);
      return spec;
    },
  };
}

/** An id is found in the index; other spellings go through the record, which also knows the way out. */
function idOf(registry: Registry, name: string): string {
  const key = name.toLowerCase();
  const row = registry.listModels().find(({ id }) => id.toLowerCase() === key);
  return row?.id ?? registry.resolveModel(name).id;
}
