/** Turns a record into options of the engine: the stated options, and the defaults of that version for the others. */
import { PlimsollError } from '@plimsoll/foundation';
import { ggmlTypeNamed, isBlockType, type ModelSpec } from '@plimsoll/model-files/spec';
import type { LlamaCppInput } from './engine-options.ts';
import { buildOfDate, newestBuild, rulesOfBuild } from './engine-rules.ts';
import type { LlamaCppRecord } from './log-record.ts';
import type { BufferNames } from './record-buffers.ts';
import { automaticSlots } from './request.ts';

export interface RecordInput {
  readonly input: LlamaCppInput;
  readonly assumptions: readonly string[];
}

export interface RecordRequest {
  readonly record: LlamaCppRecord;
  readonly spec: ModelSpec;
  readonly names: BufferNames;
  readonly fileType: string;
  readonly deviceBytes: ((name: string) => number | null) | undefined;
}

export function recordInput(request: RecordRequest): RecordInput {
  const { record, spec, names } = request;
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
  const slots = record.sequences ?? (takesOwnSlots(record, build) ? automaticSlots : 1);
  if (record.sequences === null && slots > 1)
    assumptions.push(`${slots} slots, as the server takes without -np`);
  const isOldServer =
    record.sequences === null && rules.serverSystemSequence && /llama-server/.test(record.notes);
  const sequences = isOldServer ? slots + 1 : slots;
  const offloaded = record.offloadedLayers?.[0] ?? record.gpuLayers ?? 'all';
  const experts = expertLayersOnCpu(record);
  return {
    assumptions,
    input: {
      spec,
      fileType: request.fileType,
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
      ...deviceShares(request),
      fullWindow: /full-size SWA cache/.test(record.notes),
      rollbackStates: rollbackStates(record),
      build,
      ...(/ollama/i.test(record.runtime) && { embeddings: true }),
      ...(isFork(record) && { pipelined: false, cachesPredictionLayers: true }),
      host: {
        mapped: names.mapped,
        repack: names.repack,
      },
    },
  };
}

/** The printed build number, else the build of the date, else the build of the printing functions, else the newest. */
function recordBuild(record: LlamaCppRecord, assumptions: string[]): number {
  const printed = /\bb(\d{4,5})\b/.exec(record.build ?? '')?.[1];
  if (printed !== undefined && !isFork(record)) return Number(printed);
  if (isFork(record)) return forkBuild;
  if (record.date !== null) {
    const build = Math.min(buildOfDate(record.date), newestBuildOfQuote(record.quote));
    assumptions.push(`build ${build} taken from the date ${record.date}`);
    return build;
  }
  const build = newestBuildOfQuote(record.quote);
  assumptions.push(`build ${build} taken from the names in the log`);
  return build;
}

/** True for the server of a stated build that takes its own number of slots. */
function takesOwnSlots(record: LlamaCppRecord, build: number): boolean {
  const isStated = /\bb\d{4,5}\b/.test(record.build ?? '') || record.date !== null;
  const isServer = !/llama-(?:cli|bench|sweep|completion)/.test(record.notes);
  return isStated && isServer && !isFork(record) && rulesOfBuild(build).automaticSlots;
}

/** True for ik_llama.cpp, another engine that prints the same lines. */
function isFork(record: LlamaCppRecord): boolean {
  return record.runtime.startsWith('ik');
}

/** The build from which the fork took its graphs and caches. */
const forkBuild = 3570;

/** The last build that printed lines under these function names. */
const lastBuildOfName: readonly (readonly [RegExp, number])[] = [
  [/llm_load_tensors/, 4480],
  [/llama_init_from_model/, 4870],
  [/llama_kv_cache_init/, 4870],
  [/^init:/m, 5300],
  // Builds with streams print "1/1 seqs".
  [/llama_kv_cache_unified: size.*[^/\d]\d+ seqs/, 5500],
  [/llama_kv_cache_unified/, 6500],
  [/llama_context:\s+\S+ compute buffer/, 7600],
];

function newestBuildOfQuote(quote: string): number {
  return lastBuildOfName.find(([pattern]) => pattern.test(quote))?.[1] ?? newestBuild;
}

function defaultFlashAttention(record: LlamaCppRecord, automatic: boolean): boolean {
  // llama.cpp refuses quantised values without flash attention.
  return automatic || isBlockType(ggmlTypeNamed(record.valueType));
}

/** Layers with experts on the CPU, from the command line that the notes quote. */
function expertLayersOnCpu(record: LlamaCppRecord): number {
  const counted = /--n-cpu-moe\s+(\d+)/.exec(record.notes)?.[1];
  if (counted !== undefined) return Number(counted);
  return /--cpu-moe|expert overrides to CPU|exps=CPU/.test(record.notes) ? Number.MAX_SAFE_INTEGER : 0;
}

/** Snapshots per sequence that speculative decoding keeps; the log prints their number as `rs_seq`. */
function rollbackStates(record: LlamaCppRecord): number {
  return Number(/(\d+) rs_seq/.exec(record.quote)?.[1] ?? 0);
}

/** llama.cpp distributes layers by free memory, which few logs state; the size of each device replaces it. */
function deviceShares({ record, names, deviceBytes }: RecordRequest): Pick<LlamaCppInput, 'deviceShares'> {
  if (deviceBytes === undefined || record.devices.length !== names.devices.length) return {};
  const sizes = record.devices.map(deviceBytes);
  const known = sizes.filter((size): size is number => size !== null);
  return known.length === sizes.length && known.length > 1 ? { deviceShares: known } : {};
}
