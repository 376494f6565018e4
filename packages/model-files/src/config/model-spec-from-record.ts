/** Reads a registry record as a ModelSpec, from its config and from the quantisation that only its name states. */
import type { ModelSpec } from '../model-spec.ts';
import { type ModelSpecOptions, modelSpecFromConfig } from './model-spec-from-config.ts';
import type { NamedQuantization } from './quantization/inferred.ts';

/** The fields of a registry record that a spec needs. */
export interface ConfigRecord {
  readonly id: string;
  readonly config: unknown;
  readonly quantizationInferred: NamedQuantization | null;
}

/** Reads a registry record. Throws the errors of `modelSpecFromConfig`. */
export function modelSpecFromRecord(
  record: ConfigRecord,
  options: Pick<ModelSpecOptions, 'assume' | 'overrides'> = {},
): ModelSpec {
  return modelSpecFromConfig(record.config, {
    ...options,
    id: record.id,
    ...(record.quantizationInferred !== null && { quantizationFromName: record.quantizationInferred }),
  });
}
