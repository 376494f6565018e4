export type { HardwareRates, HardwareRecord } from './hardware-schema.ts';
export { largerHardware } from './larger-hardware.ts';
export type { ModelRecord } from './model-schema.ts';
export {
  type EngineFlags,
  engineFlags,
  featuredHardware,
  featuredModels,
  listHardware,
  listModels,
  resolveCheckpoint,
  resolveDrafter,
  resolveHardware,
  resolveModel,
  searchHardware,
  searchModels,
  shippedRegistry,
} from './node-registry.ts';
export type { Registry } from './registry.ts';
export type { HardwareRow, ModelRow } from './registry-index.ts';
