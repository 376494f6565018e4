/**
 * Models and devices by name, for everything that a page computes. The build implements it with files, the page by fetching;
 * cells, charts and the planner use this interface alone.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord, Registry } from '@plimsoll/registry';

export interface Workbench {
  readonly registry: Registry;
  /** Throws `unknown-model` or `ambiguous-model`, with names to choose from. */
  model(name: string): ModelSpec;
  hardware(name: string): HardwareRecord;
}

export function openWorkbench(registry: Registry, readSpec: (id: string) => ModelSpec): Workbench {
  // The cache keeps the object, because the planner's own caches use the spec as their key.
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

/** The index finds an id. Another spelling needs the registry's lookup, which also names the nearest ids. */
function idOf(registry: Registry, name: string): string {
  const key = name.toLowerCase();
  const row = registry.listModels().find(({ id }) => id.toLowerCase() === key);
  return row?.id ?? registry.resolveModel(name).id;
}
