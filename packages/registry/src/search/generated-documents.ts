/** Builds search documents of models and hardware, whose pages are generated from their records. */
import { formatBytes, formatTokens } from '@plimsoll/foundation';
import { isRepackaged } from '../model-names.ts';
import type { Registry } from '../registry.ts';
import type { HardwareRow, ModelRow } from '../registry-index.ts';
import type { SearchDocument } from './search-document.ts';

/** Enough weight to decide between names that fit a query equally well, and no more. */
const firstFeaturedWeight = 2;
const lastFeaturedWeight = 1.5;
const copyWeight = 0.6;

/** `computed` adds the planner's results by record id, because this package has no memory arithmetic. */
export function generatedDocuments(
  registry: Pick<
    Registry,
    'listModels' | 'listHardware' | 'featuredModels' | 'featuredHardware' | 'resolveModel'
  >,
  computed: ReadonlyMap<string, readonly string[]>,
): readonly SearchDocument[] {
  const documents = [
    ...registry.listModels().map((row) => {
      const { baseModel } = registry.resolveModel(row.id);
      return { ...modelDocument(row), ...(isRepackaged({ ...row, baseModel }) && { weight: copyWeight }) };
    }),
    ...registry.listHardware().map(hardwareDocument),
  ];
  const featured = new Map([
    ...featuredWeights(registry.featuredModels().map(({ id }) => `model.${id}`)),
    ...featuredWeights(registry.featuredHardware().map(({ id }) => `hardware.${id}`)),
  ]);
  return documents.map((document) => {
    const weight = featured.get(document.id);
    return {
      ...document,
      ...(weight !== undefined && { weight }),
      facts: [...document.facts, ...(computed.get(document.id) ?? [])],
    };
  });
}

/** Id -> weight, in even steps from the first to the last. */
function featuredWeights(ids: readonly string[]): readonly (readonly [string, number])[] {
  const step = (firstFeaturedWeight - lastFeaturedWeight) / Math.max(1, ids.length - 1);
  return ids.map((id, place) => [id, Math.round((firstFeaturedWeight - place * step) * 100) / 100]);
}

function modelDocument(row: ModelRow): SearchDocument {
  const size = row.parameters === null ? [] : [`${billions(row.parameters)} parameters`];
  const active = row.activeParameters === null ? [] : [`${billions(row.activeParameters)} active per token`];
  const context = row.contextLength === null ? [] : [`context of ${formatTokens(row.contextLength)} tokens`];
  const quantization = row.quantization === null ? [] : [`quantized as ${row.quantization}`];
  return {
    id: `model.${row.id}`,
    title: row.id,
    keys: row.keys,
    names: [row.id],
    tags: ['model', row.family],
    headings: [],
    summary: [`Model of the ${row.family} family.`],
    facts: [...size, ...active, ...context, ...quantization].map(sentence),
    text: row.quantization ?? '',
  };
}

function hardwareDocument(row: HardwareRow): SearchDocument {
  const bandwidth = row.bandwidthBytesPerSecond / 1e9;
  return {
    id: `hardware.${row.id}`,
    title: row.name,
    keys: row.keys,
    names: [row.name, row.id],
    tags: ['hardware', row.class, row.vendor],
    headings: [],
    summary: [`${row.vendor} hardware of ${row.releaseYear}, class ${row.class}.`],
    facts: [
      `${formatBytes(row.usableBytes)} of memory usable, of ${formatBytes(row.nominalBytes)}`,
      `reads memory at ${bandwidth.toLocaleString('en-US', { maximumFractionDigits: 0 })} GB per second`,
    ].map(sentence),
    text: '',
  };
}

function billions(count: number): string {
  return `${(count / 1e9).toFixed(count < 10e9 ? 2 : 1)} billion`;
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
}
