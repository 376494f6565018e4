/** Builds the indexes from all records. Pure: the tool that writes them and the test that checks them call the same code. */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { featuredPath, featuredProblems } from './featured-schema.ts';
import { hardwareNameClaims, hardwareVariants } from './hardware-names.ts';
import type { HardwareFile } from './hardware-schema.ts';
import { modelNameClaims } from './model-names.ts';
import type { ModelConfig, ModelRecord } from './model-schema.ts';
import {
  type HardwareRow,
  type ModelRow,
  type NameClaim,
  type RegistryIndex,
  settleClaims,
} from './registry-index.ts';

export function buildModelIndex(
  models: readonly ModelRecord[],
  featured: readonly string[],
): RegistryIndex<ModelRow> {
  const sorted = models.toSorted((left, right) => compareText(left.id, right.id));
  const { keysById, ambiguous } = settleClaims(sorted.flatMap(modelNameClaims));
  refuseStolenNames(sorted.flatMap(modelNameClaims), ambiguous);
  const rows = sorted.map((model) => ({
    id: model.id,
    family: textValue(model.config, 'model_type') ?? '',
    parameters: model.parameters ?? model.computedTextParameters,
    activeParameters: model.activeParameters,
    contextLength: contextLength(model.config),
    quantization: quantizationName(model),
    released: model.released?.date ?? null,
    keys: keysById.get(model.id) ?? [],
  }));
  return { rows, ambiguous, featured: knownFeatured(featured, rows) };
}

export function buildHardwareIndex(
  files: readonly HardwareFile[],
  featured: readonly string[],
): RegistryIndex<HardwareRow> {
  const sorted = files.toSorted((left, right) => compareText(left.id, right.id));
  const claims: NameClaim[] = [];
  const rows: Omit<HardwareRow, 'keys'>[] = [];
  for (const file of sorted) {
    for (const variant of hardwareVariants(file)) {
      claims.push(...hardwareNameClaims(file, variant));
      rows.push({
        id: variant.id,
        name: variant.name,
        vendor: file.vendor,
        class: file.class,
        servesLanguageModels: file.noLanguageModels === undefined,
        releaseYear: file.releaseYear,
        nominalBytes: variant.nominalBytes,
        usableBytes: variant.usableBytes,
        bandwidthBytesPerSecond: file.memory.bandwidthBytesPerSecond,
        file: file.id,
        variant: variant.suffix,
      });
    }
  }
  const { keysById, ambiguous } = settleClaims(claims);
  refuseStolenNames(claims, ambiguous);
  return {
    rows: rows.map((row) => ({ ...row, keys: keysById.get(row.id) ?? [] })),
    ambiguous,
    featured: knownFeatured(featured, rows),
  };
}

/** Formats the index with one row per line: it stays small to load, and a diff shows what a new record changed. */
export function formatIndex(index: RegistryIndex<ModelRow | HardwareRow>): string {
  const rows = index.rows.map((row) => JSON.stringify(row)).join(',\n');
  const ambiguous = Object.entries(index.ambiguous).map((entry) =>
    entry.map((part) => JSON.stringify(part)).join(':'),
  );
  const featured = index.featured.map((id) => JSON.stringify(id)).join(',\n');
  return `{"rows":[\n${rows}\n],"ambiguous":{\n${ambiguous.join(',\n')}\n},"featured":[\n${featured}\n]}\n`;
}

/** Returns the featured ids and checks that each has a row. */
function knownFeatured(
  featured: readonly string[],
  rows: readonly { readonly id: string }[],
): readonly string[] {
  const [problem] = featuredProblems(featured, new Set(rows.map(({ id }) => id)));
  if (problem === undefined) return featured;
  throw new PlimsollError({
    code: 'bad-record',
    message: `${featuredPath}: ${problem}`,
    value: featuredPath,
    hint: 'write the id as the record has it, or take it off the list',
  });
}

/**
 * Refuses an id or explicit alias that two records claim. Both are deliberate, so a conflict is a mistake in the data,
 * not an ambiguity.
 */
function refuseStolenNames(
  claims: readonly NameClaim[],
  ambiguous: Readonly<Record<string, readonly string[]>>,
): void {
  for (const claim of claims) {
    const stolen = claim.rank <= 1 && Object.hasOwn(ambiguous, claim.key);
    assert(!stolen, `"${claim.key}" is claimed by ${ambiguous[claim.key]?.join(' and ')}`);
  }
}

function contextLength(config: ModelConfig): number | null {
  const text = nested(config, 'text_config') ?? config;
  const keys = [
    'max_position_embeddings',
    'model_max_length',
    'n_positions',
    'max_sequence_length',
    'seq_length',
  ];
  for (const key of keys) {
    const value = text[key] ?? config[key];
    if (typeof value === 'number') return value;
  }
  return null;
}

function quantizationName(model: ModelRecord): string | null {
  const inferred = model.quantizationInferred;
  if (inferred !== null) return inferred.method ?? inferred.weights ?? null;
  const text = nested(model.config, 'text_config');
  const own = nested(model.config, 'quantization_config') ?? (text && nested(text, 'quantization_config'));
  if (own === undefined) return null;
  return textValue(own, 'quant_method') ?? textValue(own, 'quant_algo') ?? 'unnamed';
}

function nested(config: ModelConfig, key: string): ModelConfig | undefined {
  const value = config[key];
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? value : undefined;
}

function textValue(config: ModelConfig, key: string): string | undefined {
  const value = config[key];
  return typeof value === 'string' ? value : undefined;
}

/** Compares by code unit: the order is the same on every machine, whatever its locale. */
function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
