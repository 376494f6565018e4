/** A registry record as a ModelSpec: its config, and what only its name tells about the quantisation. */
import type { ModelSpec } from '../model-spec.ts';
import { type ModelSpecOptions, modelSpecFromConfig } from './model-spec-from-config.ts';
import type { NamedQuantization } from './quantization/inferred.ts';

/** The fields of a registry record that matter here. */
export interface ConfigRecord {
  readonly id: string;
  readonly config: unknown;
  readonly quantizationInferred: NamedQuantization | null;
}

export function modelSpecFromRecord(
  record: ConfigRecord,
  options: Pick<ModelSpecOptions, 'assume'> = {},
): ModelSpec {
  return modelSpecFromConfig(record.config, {
    ...options,
    id: record.id,
    ...(record.quantizationInferred !== null && { quantizationFromName: record.quantizationInferred }),
  });
}
