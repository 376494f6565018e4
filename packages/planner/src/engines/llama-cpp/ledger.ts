/**
 * Lists the engine's memory as ledger entries for the fullest device and the host. Each entry has the formula of its bytes.
 */
import { bytes, defined, formatCount } from '@plimsoll/foundation';
import type { Derivation, Ledger, LedgerCategory, LedgerEntry, MemoryTier } from '../../bytes/ledger.ts';
import { type CachePart, isCompressed, layerCache } from './cache-buffers.ts';
import { type BackendMemory, type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput, ResolvedOptions } from './engine-options.ts';
import { newestBuild, newestRelease } from './engine-rules.ts';
import { cacheSharesOf } from './loaded-model.ts';
import { isExpertTensor, type PlacedTensor } from './placement.ts';

export interface LlamaCppLedger {
  readonly ledger: Ledger;
  readonly memory: EngineMemory;
}

/** Returns the ledger of the fullest device and the host for this input. */
export function llamaCppLedger(input: LlamaCppInput): LlamaCppLedger {
  const memory = engineMemory(input);
  const entries = llamaCppEntries(memory, input, { device: fullestDevice(memory), unifiedMemory: false });
  return { ledger: { entries }, memory };
}

export interface LedgerView {
  /** The device that the ledger shows; ignored without devices. */
  readonly device: number;
  /** True if host and device share one memory; then every entry counts against the device. */
  readonly unifiedMemory: boolean;
}

export function llamaCppEntries(
  memory: EngineMemory,
  input: LlamaCppInput,
  { device, unifiedMemory }: LedgerView,
): readonly LedgerEntry[] {
  const hostTier: MemoryTier = unifiedMemory || memory.devices.length === 0 ? 'device' : 'host';
  const entries = [
    ...(memory.devices.length === 0
      ? []
      : backendEntries({ memory, input, backend: device, tier: 'device' })),
    ...backendEntries({ memory, input, backend: memory.placement.cpu, tier: hostTier }),
    outputEntry(memory, input, hostTier),
  ];
  return entries.filter((entry) => entry.bytes > 0);
}

function fullestDevice(memory: EngineMemory): number {
  let fullest = 0;
  let most = -1;
  memory.devices.forEach((part, index) => {
    const total = part.weights + part.cache + part.state + part.compute;
    if (total > most) [fullest, most] = [index, total];
  });
  return fullest;
}

interface BackendContext {
  readonly memory: EngineMemory;
  readonly input: LlamaCppInput;
  /** A device, or the CPU. */
  readonly backend: number;
  readonly tier: MemoryTier;
}

function backendEntries(context: BackendContext): LedgerEntry[] {
  const { memory, backend, tier } = context;
  const part = partOf(memory, backend);
  const isHost = backend === memory.placement.cpu;
  const entry = (
    category: LedgerCategory,
    tag: string,
    amount: number,
    derivation: Derivation,
  ): LedgerEntry => ({
    category,
    tag: isHost ? `${tag}, CPU` : tag,
    tier,
    bytes: bytes(amount),
    derivation,
  });
  return [
    ...weightEntries(context, part).map(([tag, amount, derivation]) =>
      entry('weights', tag, amount, derivation),
    ),
    ...cacheEntries(context).map(([tag, amount, derivation]) => entry('kv-cache', tag, amount, derivation)),
    entry('state', stateTag(context.input), part.state, stateDerivation(context, part.state)),
    entry('workspace', 'compute buffer', part.compute, computeDerivation(context)),
  ];
}

function partOf(memory: EngineMemory, backend: number): BackendMemory {
  return defined(memory.devices[backend] ?? memory.host, 'a backend has memory');
}

type Part = readonly [tag: string, amount: number, derivation: Derivation];

function weightEntries({ memory, backend, input }: BackendContext, part: BackendMemory): readonly Part[] {
  const { tensors, host } = memory.model;
  const isHost = backend === memory.placement.cpu;
  const own = isHost ? tensors.host : (tensors.devices[backend] ?? []);
  const groups: readonly (readonly [string, (tensor: PlacedTensor) => boolean])[] = [
    ['experts', (tensor) => isExpertTensor(tensor.name)],
    ['layers', (tensor) => tensor.layer !== null && !isExpertTensor(tensor.name)],
    ['embedding and head', (tensor) => tensor.layer === null],
  ];
  const label = input.fileType ?? 'the file';
  const parts = groups.map(([tag, belongs]) => tensorPart(tag, own.filter(belongs), label));
  const copies = isHost ? [tensorPart('repacked copy', tensors.repacked, label)] : [];
  const bufferBytes = part.weights - (isHost ? host.repacked : 0);
  return [...parts, gapPart(bufferBytes, sumOf(parts)), ...copies];
}

function tensorPart(tag: string, tensors: readonly PlacedTensor[], label: string): Part {
  const derivation: Derivation = {
    formula: 'sum over tensors of rows x blocks per row x bytes per block',
    substituted: `${formatCount(tensors.length)} tensors of ${label}: ${typesOf(tensors)}`,
    source: 'llama.cpp src/llama-quant.cpp (types), src/llama-model.cpp load_tensors (place)',
  };
  return [tag, tensors.reduce((sum, tensor) => sum + tensor.bytes, 0), derivation];
}

function sumOf(parts: readonly Part[]): number {
  return parts.reduce((sum, [, amount]) => sum + amount, 0);
}

/** Alignment of tensors, and tensors of other backends between the first and the last tensor of a mapped buffer. */
function gapPart(bufferBytes: number, listedBytes: number): Part {
  const derivation: Derivation = {
    formula: 'buffers - tensors',
    substituted: `${formatCount(bufferBytes)} - ${formatCount(listedBytes)}`,
    source: 'llama.cpp src/llama-model-loader.cpp get_mapping_range; ggml alignment',
  };
  return ['alignment and mapped gaps', bufferBytes - listedBytes, derivation];
}

function typesOf(tensors: readonly PlacedTensor[]): string {
  const amounts = new Map<string, number>();
  for (const tensor of tensors) amounts.set(tensor.type, (amounts.get(tensor.type) ?? 0) + tensor.bytes);
  return [...amounts].map(([type, amount]) => `${formatCount(amount)} B of ${type}`).join(' + ');
}

function cacheEntries({ memory, input, backend }: BackendContext): readonly Part[] {
  const { options, cells, placement } = memory;
  const groups = new Map<string, { amount: number; terms: Map<string, number> }>();
  const sharesAt = cacheSharesOf(input, placement);
  input.spec.layers.forEach((layer, index) => {
    const { caches = 0 } = sharesAt(index).find((share) => share.backend === backend) ?? {};
    if (caches === 0) return;
    for (const part of layerCache(input.spec, layer, cells, options.cache).parts) {
      const group = groups.get(part.tag) ?? { amount: 0, terms: new Map<string, number>() };
      const term = cacheTerm(part, options);
      group.terms.set(term, (group.terms.get(term) ?? 0) + caches);
      const amount = group.amount + caches * part.rows * (part.keyRowBytes + part.valueRowBytes);
      groups.set(part.tag, { ...group, amount });
    }
  });
  return [...groups].map(([tag, { amount, terms }]): Part => {
    const derivation: Derivation = {
      formula: 'layers x cells x (key row + value row)',
      substituted: [...terms].map(([term, layers]) => `${layers} layers x ${term}`).join(' + '),
      source: 'llama.cpp src/llama-kv-cache.cpp and its variants iswa, dsa, msa, dsv4',
    };
    return [tag, Math.round(amount), derivation];
  });
}

function cacheTerm({ rows, keyRowBytes, valueRowBytes }: CachePart, options: ResolvedOptions): string {
  const { keyType, valueType } = options;
  return `${formatCount(rows)} cells x (${keyRowBytes} B of ${keyType} + ${valueRowBytes} B of ${valueType})`;
}

function stateTag({ spec }: LlamaCppInput): string {
  return isCompressed(spec) ? 'tokens that wait to be compressed' : 'recurrent and convolution state';
}

function stateDerivation({ memory }: BackendContext, amount: number): Derivation {
  const { sequences, cache } = memory.options;
  return {
    formula: 'sequences x (1 + rollback states) x F32 elements of all recurrent layers x 4',
    substituted: `${sequences} x ${1 + cache.rollbackStates} x ${formatCount(amount / 4 / sequences / (1 + cache.rollbackStates))} x 4`,
    source: 'llama.cpp src/llama-memory-recurrent.cpp',
  };
}

function computeDerivation({ memory }: BackendContext): Derivation {
  const { microBatchTokens, outputs, flashAttention, rules } = memory.options;
  const { full, window, streams } = memory.cells;
  const cells = window > 0 ? `${full} and ${window} cells` : `${full} cells`;
  return {
    formula: 'largest extent of the live tensors of the worst-case graph, placed by best fit',
    substituted: `${microBatchTokens} tokens, ${outputs} rows of logits, ${cells}, ${streams} stream(s), flash attention ${flashAttention ? 'on' : 'off'}, rules of ${rulesLabel(rules.build)}`,
    source: 'llama.cpp src/llama-graph.cpp, ggml/src/ggml-backend.cpp, ggml/src/ggml-alloc.c',
  };
}

function rulesLabel(build: number): string {
  return build >= newestBuild ? newestRelease : `b${build}`;
}

function outputEntry(memory: EngineMemory, input: LlamaCppInput, tier: MemoryTier): LedgerEntry {
  const { sequences } = memory.options;
  return {
    category: 'workspace',
    tag: 'logits of one token per sequence, CPU',
    tier,
    bytes: bytes(memory.outputBytes),
    derivation: {
      formula: 'sequences x vocabulary x 4',
      substituted: `${sequences} x ${formatCount(input.spec.vocabSize)} x 4`,
      source: 'llama.cpp src/llama-context.cpp output_reserve',
    },
  };
}
