/** What was asked of the engine, from a record: stated options, and for unstated ones the default of that version. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files';
import type { LlamaCppInput } from './engine-memory.ts';
import { isQuantisedCache } from './engine-memory.ts';
import { buildOfDate, newestBuild, rulesOfBuild } from './engine-rules.ts';
import type { LlamaCppRecord } from './log-record.ts';
import type { BufferNames } from './record-buffers.ts';

export interface RecordInput {
  readonly input: LlamaCppInput;
  readonly assumptions: readonly string[];
}

export function recordInput(record: LlamaCppRecord, spec: ModelSpec, names: BufferNames): RecordInput {
  const assumptions: string[] = [];
  const build = recordBuild(record, assumptions);
  const rules = rulesOfBuild(build);
  const contextTokens = record.contextTokens;
  if (contextTokens === null) {
    throw new PlimsollError({
      code: 'log-without-context',
      message: 'the record does not say how long the context was',
      value: record.id,
      limit: 'n_ctx',
    });
  }
  const flashAttention =
    record.flashAttention ?? defaultFlashAttention(record, rules.automaticFlashAttention);
  if (record.flashAttention === null)
    assumptions.push(`flash attention taken as ${flashAttention ? 'on' : 'off'}`);
  const sequences = record.sequences ?? 1;
  const offloaded = record.offloadedLayers?.[0] ?? record.gpuLayers ?? 'all';
  const experts = expertLayersOnCpu(record);
  return {
    assumptions,
    input: {
      spec,
      fileType: record.fileType,
      contextTokens,
      batchTokens: record.batchTokens ?? 2048,
      microBatchTokens: record.microBatchTokens ?? 512,
      sequences,
      unifiedCache: true,
      flashAttention,
      keyType: record.keyType,
      valueType: record.valueType,
      gpuLayers: offloaded === -1 ? (names.backend === 'cpu' ? 0 : 'all') : offloaded,
      cpuExpertLayers: experts,
      backend: names.backend,
      devices: names.devices.length,
      fullWindow: /full-size SWA cache/.test(record.notes),
      rollbackStates: rollbackStates(record),
      build,
      ...(rules.serverLimitsOutputs && { outputs: sequences * (1 + rollbackStates(record)) }),
      host: {
        mapped: names.mapped,
        repacked: names.repack === 'none' ? () => false : (type) => repackable[names.repack].has(type),
      },
    },
  };
}

/** Types that the CPU backend interleaves (ggml-cpu/repack.cpp) and that AMX tiles take (ggml-cpu/amx). */
const repackable: Readonly<Record<'none' | 'repack' | 'amx', ReadonlySet<string>>> = {
  none: new Set(),
  repack: new Set(['Q4_0', 'Q4_K', 'IQ4_NL', 'Q2_K', 'Q8_0']),
  amx: new Set(['Q4_0', 'Q4_1', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_XS']),
};

/** The printed number, else the date, else the functions that print the lines, else the newest. */
function recordBuild(record: LlamaCppRecord, assumptions: string[]): number {
  const printed = /\bb(\d{4,5})\b/.exec(record.build ?? '')?.[1];
  if (printed !== undefined && !record.runtime.startsWith('ik')) return Number(printed);
  if (record.runtime.startsWith('ik')) return forkBuild;
  if (record.date !== null) {
    const build = Math.min(buildOfDate(record.date), newestBuildOfQuote(record.quote));
    assumptions.push(`build ${build} taken from the date ${record.date}`);
    return build;
  }
  const build = newestBuildOfQuote(record.quote);
  assumptions.push(`build ${build} taken from the names in the log`);
  return build;
}

/** ik_llama.cpp left the mainline here and kept its graphs and caches. */
const forkBuild = 3570;

/** The last build that printed lines under these function names. */
const lastBuildOfName: readonly (readonly [RegExp, number])[] = [
  [/llm_load_tensors/, 4480],
  [/llama_init_from_model/, 4870],
  [/llama_kv_cache_init/, 4870],
  [/^init:/m, 5300],
  [/llama_kv_cache_unified/, 6500],
  [/llama_context:\s+\S+ compute buffer/, 7900],
];

function newestBuildOfQuote(quote: string): number {
  return lastBuildOfName.find(([pattern]) => pattern.test(quote))?.[1] ?? newestBuild;
}

function defaultFlashAttention(record: LlamaCppRecord, automatic: boolean): boolean {
  // Quantised values are refused without flash attention.
  return automatic || isQuantisedCache(record.valueType);
}

/** Layers whose experts were kept on the CPU, from the command line that the notes quote. */
function expertLayersOnCpu(record: LlamaCppRecord): number {
  const counted = /--n-cpu-moe\s+(\d+)/.exec(record.notes)?.[1];
  if (counted !== undefined) return Number(counted);
  return /--cpu-moe|expert overrides to CPU|exps=CPU/.test(record.notes) ? Number.MAX_SAFE_INTEGER : 0;
}

/** Snapshots per sequence that speculative decoding keeps; the log prints their number as `rs_seq`. */
function rollbackStates(record: LlamaCppRecord): number {
  return Number(/(\d+) rs_seq/.exec(record.quote)?.[1] ?? 0);
}
