/** Renders the content of a model file as text. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import type { AttentionSpec, LayerSpec, MlpSpec, ModelSpec } from '@plimsoll/model-files/spec';
import type { InspectedTensor, InspectedValue, Inspection } from '../inspection.ts';
import { formatParameters } from './bench-table.ts';
import { renderTable } from './table.ts';
import { fitLines } from './terminal.ts';

export interface TensorType {
  readonly type: string;
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** Sums tensors by type, the largest first. */
export function tensorTypes(tensors: readonly InspectedTensor[]): readonly TensorType[] {
  const sums = new Map<string, { tensors: number; elements: number; bytes: number }>();
  for (const { type, shape, bytes } of tensors) {
    const sum = sums.get(type) ?? { tensors: 0, elements: 0, bytes: 0 };
    sum.tensors++;
    sum.elements += shape.reduce((product, size) => product * size, 1);
    sum.bytes += bytes;
    sums.set(type, sum);
  }
  return Array.from(sums, ([type, sum]) => ({ type, ...sum })).sort((a, b) => b.bytes - a.bytes);
}

export interface LayerKind {
  readonly layers: number;
  readonly attention: string;
  readonly feedForward: string;
}

/** Counts equal layers, in order of first appearance. */
export function attentionKinds(spec: ModelSpec): readonly LayerKind[] {
  const counts = new Map<string, LayerKind>();
  for (const layer of spec.layers) {
    const kind = { attention: attentionText(layer.attention), feedForward: feedForwardText(layer.mlp) };
    const key = `${kind.attention}\n${kind.feedForward}`;
    counts.set(key, { ...kind, layers: (counts.get(key)?.layers ?? 0) + 1 });
  }
  return [...counts.values()];
}

function attentionText(attention: LayerSpec['attention']): string {
  return `${kindText(attention)}${headsText(attention)}`;
}

function kindText(attention: AttentionSpec): string {
  if (attention.kind === 'sliding') return `sliding attention over ${formatCount(attention.window)} tokens`;
  if (attention.kind === 'chunked') return `attention in chunks of ${formatCount(attention.chunk)} tokens`;
  if (attention.kind === 'mla') return `latent attention (MLA) of rank ${attention.kvLoraRank}`;
  if (attention.kind === 'linear') return `linear attention (${attention.variant})`;
  if (attention.kind === 'ssm') return `state space (${attention.variant})`;
  return attention.kind === 'none' ? 'no attention' : `${attention.kind} attention`;
}

function headsText(attention: AttentionSpec): string {
  if (!('kvHeads' in attention)) return '';
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = attention;
  const dim = keyHeadDim === valueHeadDim ? String(keyHeadDim) : `${keyHeadDim} and ${valueHeadDim}`;
  return `, ${queryHeads} query and ${kvHeads} kv heads of ${dim}`;
}

function feedForwardText(mlp: MlpSpec): string {
  if (mlp.kind === 'none') return 'no feed-forward';
  if (mlp.kind === 'dense') return `feed-forward of ${formatCount(mlp.intermediateSize)}`;
  const shared = mlp.sharedIntermediateSize > 0 ? ', and a shared one' : '';
  return `${mlp.experts} experts of ${formatCount(mlp.expertIntermediateSize)}, ${mlp.expertsPerToken} per token${shared}`;
}

export function renderInspection(inspection: Inspection, listsTensors: boolean): string {
  const types = tensorTypes(inspection.tensors);
  const parts = [
    heading(inspection, types),
    typeTable(types),
    ...(listsTensors ? [tensorTable(inspection.tensors)] : []),
    metadataTable(inspection.metadata),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function heading({ path, format, files, spec, problem }: Inspection, types: readonly TensorType[]): string {
  const elements = types.reduce((sum, type) => sum + type.elements, 0);
  const bytes = types.reduce((sum, type) => sum + type.bytes, 0);
  const rows = [
    ['file', `${path}, ${format}${files.length > 1 ? `, ${files.length} parts` : ''}`],
    ...(spec === null ? [['architecture', `not known: ${problem ?? ''}`]] : specRows(spec)),
    ['parameters', `${formatCount(elements)} (${formatParameters(elements)})`],
    [
      'weights',
      `${formatBytes(bytes)}, ${((8 * bytes) / Math.max(1, elements)).toFixed(2)} bits per parameter`,
    ],
  ];
  return fitLines(renderTable(rows, ['left', 'left']));
}

function specRows(spec: ModelSpec): readonly (readonly string[])[] {
  const tied = spec.tiedEmbeddings ? ', head tied to the embedding' : '';
  const sizes = `hidden ${formatCount(spec.hiddenSize)}, vocabulary ${formatCount(spec.vocabSize)}, context ${formatCount(spec.contextLength)}`;
  const kinds = attentionKinds(spec).map(({ layers, attention, feedForward }, index) => [
    index === 0 ? 'layers' : '',
    `${layers} x ${attention}; ${feedForward}`,
  ]);
  return [['architecture', `${spec.family}, ${sizes}${tied}`], ...kinds];
}

function typeTable(types: readonly TensorType[]): string {
  return renderTable([
    ['type', 'tensors', 'parameters', 'bytes'],
    ...types.map(({ type, tensors, elements, bytes }) => [
      type,
      formatCount(tensors),
      formatCount(elements),
      formatBytes(bytes),
    ]),
  ]);
}

function tensorTable(tensors: readonly InspectedTensor[]): string {
  const rows = tensors.map(({ name, type, shape, bytes }) => [
    name,
    type,
    `[${shape.join(', ')}]`,
    formatCount(bytes),
  ]);
  return renderTable([['tensor', 'type', 'shape', 'bytes'], ...rows], ['left', 'left', 'left']);
}

function metadataTable(metadata: Inspection['metadata']): string {
  const rows = Object.entries(metadata).map(([key, value]) => [key, valueText(value)]);
  if (rows.length === 0) return '';
  return fitLines(renderTable([['metadata', ''], ...rows], ['left', 'left']));
}

/** Longer texts, such as chat templates, are cut; --json prints whole texts. */
const textLengthShown = 100;

function valueText(value: InspectedValue): string {
  if (typeof value !== 'object')
    return cut(typeof value === 'string' ? JSON.stringify(value) : String(value));
  const first = value.first.map((element) => JSON.stringify(element)).join(', ');
  const rest = value.length > value.first.length && value.first.length > 0 ? ', …' : '';
  return cut(`${formatCount(value.length)} x ${value.elementType}${first === '' ? '' : `: ${first}`}${rest}`);
}

function cut(text: string): string {
  return text.length <= textLengthShown ? text : `${text.slice(0, textLengthShown - 1)}…`;
}
