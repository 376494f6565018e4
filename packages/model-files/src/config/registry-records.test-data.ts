/** The registry's model records and their specs from the config reader, read once per test file. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ModelSpec } from '../model-spec.ts';
import { modelSpecFromConfig } from './model-spec-from-config.ts';
import type { NamedQuantization } from './quantization/inferred.ts';

export interface ModelRecord {
  readonly id: string;
  readonly parameters: number | null;
  readonly computedTextParameters: number | null;
  readonly computedActiveTextParameters: number | null;
  readonly configFrom: string | null;
  readonly quantizationInferred: NamedQuantization | null;
  readonly config: { readonly model_type: string };
}

const models = new URL('../../../registry/data/models/', import.meta.url);
export const records = readdirSync(models, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, models), 'utf8')) as ModelRecord);

const specs = new Map<string, ModelSpec>();

export function specOf(record: ModelRecord): ModelSpec {
  const known = specs.get(record.id);
  if (known !== undefined) return known;
  const named = record.quantizationInferred;
  const spec = modelSpecFromConfig(record.config, {
    id: record.id,
    ...(named && { quantizationFromName: named }),
  });
  specs.set(record.id, spec);
  return spec;
}
