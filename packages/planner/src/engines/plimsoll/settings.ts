/**
 * The settings of the engine: every number besides the model that determines its memory. Options are the choices of a
 * user; settings are the checked options with defaults filled in.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { Derivation } from '../../bytes/ledger.ts';

/** KV formats that the kernels read and write. */
export type EngineKvFormat = Extract<KvFormat, 'fp32' | 'fp16' | 'q8_0'>;

/** Names of these formats on the engine's command line. */
export const kvTypeNames: Readonly<Record<EngineKvFormat, string>> = {
  fp32: 'f32',
  fp16: 'f16',
  q8_0: 'q8_0',
};

/** Host memory that a program around the engine holds, with its derivation. */
export interface ProgramMemory {
  readonly bytes: number;
  readonly derivation: Derivation;
}

export interface EngineOptions {
  /** Most sequences that hold memory at once. Default 1. */
  readonly sequencesMax?: number | undefined;
  /** Longest sequence in tokens, prompt and output together. Default: the model's own limit. */
  readonly contextMax?: number | undefined;
  /** Default fp16. */
  readonly kvFormat?: KvFormat | undefined;
  /** Tokens in a KV block, a multiple of 8. Default 16. */
  readonly blockTokens?: number | undefined;
  /** Most prompt tokens in one step. Default 512. */
  readonly prefillChunkTokens?: number | undefined;
  /** Kernel threads, including the calling thread. A plan assumes 4; an engine takes the machine's cores, up to 16. */
  readonly threads?: number | undefined;
  /**
   * Share of the available bytes that the growing cache takes. Default 1, because the reserve already keeps bytes free.
   */
  readonly kvShare?: number | undefined;
  /** Share of the memory that stays unused, if it exceeds the bytes of the process itself. Default 0.02. */
  readonly reserveShare?: number | undefined;
  /** Most waiting requests; the next request is refused. Default 1,024. */
  readonly waitingMax?: number | undefined;
  /** Most prompt tokens of all waiting requests together. Default 524,288, or one context if that is longer. */
  readonly waitingTokensMax?: number | undefined;
  /** Host memory for the blocks of preempted sequences, if the policy spills them. Default 0. */
  readonly stagingBytes?: number | undefined;
  /** Holds weights in lower formats than in the file if they do not fit. */
  readonly shrinkWeights?: boolean | undefined;
  /** Keeps every token of sliding-window layers, so that a sequence can be rolled back past its window. */
  readonly keepsWholeWindow?: boolean | undefined;
  /** True if a grammar may constrain the output. */
  readonly constrainedOutput?: boolean | undefined;
  /** Host memory of the program around the engine, such as the connections of a server. Default: none. */
  readonly program?: ProgramMemory | undefined;
  /** Host memory for hidden states that requests ask for. Default 0: no request can. */
  readonly hiddenStatesBytes?: number | undefined;
  /** A smaller model that proposes `tokens` tokens per step. */
  readonly draft?: { readonly spec: ModelSpec; readonly tokens: number } | undefined;
  /** Largest arena in bytes. Tests set it below the limit of the platform. */
  readonly arenaBytesMax?: number | undefined;
}

export interface EngineSettings {
  readonly sequencesMax: number;
  readonly contextMax: number;
  readonly kvFormat: EngineKvFormat;
  readonly blockTokens: number;
  /** The chosen chunk, before a short context shortens it. */
  readonly prefillChunkAsked: number;
  readonly prefillChunkTokens: number;
  /** Most tokens in one step: one chunk, or one step of every sequence with its drafts. */
  readonly stepTokens: number;
  /** Most rows of logits in one step. */
  readonly logitRows: number;
  readonly threads: number;
  readonly kvShare: number;
  readonly reserveShare: number;
  readonly waitingMax: number;
  readonly waitingTokensMax: number;
  readonly stagingBytes: number;
  readonly shrinkWeights: boolean;
  readonly keepsWholeWindow: boolean;
  readonly constrainedOutput: boolean;
  readonly program: ProgramMemory | null;
  readonly hiddenStatesBytes: number;
  readonly draft: { readonly spec: ModelSpec; readonly tokens: number } | null;
  readonly arenaBytesMax: number;
}

/** A WebAssembly memory grows in pages, and its addresses have 32 bits. */
export const pageBytes = 65_536;
export const arenaBytesLimit = 65_536 * pageBytes;

/** The attention kernel reads eight elements of a head at a time (packages/kernels, kv-layout.ts). */
const kvElementsUnit = 8;
/** The kernels write KV blocks eight tokens at a time (packages/kernels, kv-layout.ts). */
const blockTokensUnit = 8;
/** Most threads that the kernels support (packages/kernels, opcodes.ts). */
const threadsLimit = 64;
/** Default threads on a machine with more cores: further threads wait for each other longer than they compute. */
export const usualThreadsMax = 16;
/** Most sequences of one engine, because rows of block tables and logits are reserved for every sequence. */
export const sequencesLimit = 1024;

/** Default limits of the queue of requests: enough for a burst, and small enough for a plan to count. */
const usualWaitingMax = 1024;
const usualWaitingTokensMax = 2 ** 19;
const waitingLimit = 2 ** 20;

/** Checks options and fills in defaults. Throws `bad-engine-setting` or `bad-kv-format`. */
export function engineSettings(spec: ModelSpec, options: EngineOptions = {}): EngineSettings {
  const sequencesMax = whole('sequencesMax', options.sequencesMax ?? 1, 1, sequencesLimit);
  const contextMax = whole('contextMax', options.contextMax ?? spec.contextLength, 1, spec.contextLength);
  const blockTokens = whole('blockTokens', options.blockTokens ?? 16, blockTokensUnit, 1024);
  if (blockTokens % blockTokensUnit !== 0) {
    throw refusal('blockTokens', blockTokens, `a multiple of ${blockTokensUnit}`);
  }
  const chunkAsked = whole('prefillChunkTokens', options.prefillChunkTokens ?? 512, 1, 65_536);
  const chunk = Math.min(contextMax, chunkAsked);
  const draft = options.draft ?? null;
  if (draft !== null) whole('draft.tokens', draft.tokens, 1, 64);
  if (options.program !== undefined)
    whole('program.bytes', options.program.bytes, 0, Number.MAX_SAFE_INTEGER);
  const rowsPerSequence = 1 + (draft?.tokens ?? 0);
  return {
    sequencesMax,
    contextMax,
    kvFormat: kvFormatOf(spec, options.kvFormat ?? 'fp16'),
    blockTokens,
    prefillChunkAsked: chunkAsked,
    prefillChunkTokens: chunk,
    stepTokens: Math.max(chunk, sequencesMax * rowsPerSequence),
    logitRows: sequencesMax * rowsPerSequence,
    threads: whole('threads', options.threads ?? 4, 1, threadsLimit),
    kvShare: share('kvShare', options.kvShare ?? 1),
    reserveShare: share('reserveShare', options.reserveShare ?? 0.02),
    waitingMax: whole('waitingMax', options.waitingMax ?? usualWaitingMax, 1, waitingLimit),
    waitingTokensMax: whole(
      'waitingTokensMax',
      options.waitingTokensMax ?? Math.max(usualWaitingTokensMax, contextMax),
      contextMax,
      Number.MAX_SAFE_INTEGER,
    ),
    stagingBytes: whole('stagingBytes', options.stagingBytes ?? 0, 0, arenaBytesLimit),
    shrinkWeights: options.shrinkWeights ?? false,
    // A draft keeps its tokens in the blocks of a growing cache, so a model with only windows keeps whole windows.
    keepsWholeWindow: (options.keepsWholeWindow ?? false) || (draft !== null && hasOnlyWindows(spec)),
    constrainedOutput: options.constrainedOutput ?? false,
    program: options.program ?? null,
    hiddenStatesBytes: whole('hiddenStatesBytes', options.hiddenStatesBytes ?? 0, 0, arenaBytesLimit),
    draft,
    arenaBytesMax: whole(
      'arenaBytesMax',
      options.arenaBytesMax ?? arenaBytesLimit,
      pageBytes,
      arenaBytesLimit,
    ),
  };
}

function hasOnlyWindows({ layers }: ModelSpec): boolean {
  return layers.every(({ attention: { kind } }) => kind === 'sliding' || kind === 'chunked');
}

/**
 * Throws `bad-kv-format` for cache formats without kernels, and for heads that the format cannot hold in whole blocks.
 */
function kvFormatOf(spec: ModelSpec, format: KvFormat): EngineKvFormat {
  if (format !== 'fp32' && format !== 'fp16' && format !== 'q8_0') {
    throw new PlimsollError({
      code: 'bad-kv-format',
      message: `the engine has no KV cache type "${format}"`,
      value: format,
      limit: 'f16, q8_0, f32',
      hint: '--kv-type q8_0',
    });
  }
  const unit = format === 'q8_0' ? 32 : kvElementsUnit;
  for (const { attention } of spec.layers) {
    if (!('kvHeads' in attention)) continue;
    for (const dim of [attention.keyHeadDim, attention.valueHeadDim]) {
      if (dim % unit === 0) continue;
      throw new PlimsollError({
        code: 'bad-kv-format',
        message: `a head of ${dim} elements is not a whole number of ${format} blocks`,
        value: dim,
        limit: `a multiple of ${unit}`,
        hint: dim % kvElementsUnit === 0 ? '--kv-type f16' : 'plan this model for another engine',
      });
    }
  }
  return format;
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw refusal(name, value, `a whole number from ${least} to ${most}`);
}

function share(name: string, value: number): number {
  if (value >= 0 && value <= 1) return value;
  throw refusal(name, value, 'a share from 0 to 1');
}

function refusal(name: string, value: number, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-engine-setting',
    message: `${name} is ${value}; it must be ${limit}`,
    value,
    limit,
    hint: `change ${name}`,
  });
}
