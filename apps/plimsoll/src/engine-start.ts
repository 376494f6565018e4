/** Starts the engine for a command: reads the flags of its memory, opens the model, loads it and shows the progress. */
import type { DraftStart, Engine, EngineStart, LoadProgress, Model } from '@plimsoll/engine';
import { formatBytes, monotonicClock, PlimsollError, parseTokens } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { contextTooLong, usualContext, usualDraftTokens } from '@plimsoll/planner/engines';
import type { Command } from 'commander';
import { engineModelOf } from './engine-model.ts';
import { badValue, lonelyFlag, wholeFlag } from './flag-values.ts';
import type { FitCheck } from './hub/remote-fit.ts';
import { type MemoryLimit, memoryLimit } from './memory-limit.ts';
import { ProgressLine } from './render/progress-line.ts';
import { usualThreads } from './this-machine.ts';

export interface EngineFlags {
  readonly memory?: string;
  readonly ctx?: string;
  readonly kvType?: string;
  readonly threads?: number;
  readonly prefillChunk?: number;
  readonly blockSize?: number;
  readonly weights?: string;
  readonly draft?: string;
  readonly draftTokens?: number;
  readonly offline?: boolean;
}

/** The engine's limit. */
const draftTokensMax = 64;

/** The flags that decide how much memory a model takes. */
export function addMemoryFlags(command: Command): Command {
  return command
    .option(
      '--memory <bytes>',
      'memory limit of the whole process, such as 6GiB (default: 80 % of the free memory)',
    )
    .option('-c, --ctx <tokens>', 'prompt and output together, such as 4096 or 32k (default: 8k)')
    .option('--kv-type <type>', 'KV cache type: f16, q8_0 or f32 (default: f16)')
    .option(
      '-t, --threads <count>',
      'kernel threads (default: one per processor, at most 16)',
      wholeFlag('--threads', 1, 64),
    )
    .option(
      '--prefill-chunk <tokens>',
      'prompt tokens per step (default: 512)',
      wholeFlag('--prefill-chunk', 1, 65_536),
    )
    .option(
      '--block-size <tokens>',
      'tokens of a KV block, a multiple of 8 (default: 16)',
      wholeFlag('--block-size', 8, 1024),
    )
    .option('--weights <auto>', 'auto: convert weights to smaller formats if they do not fit');
}

export function addEngineFlags(command: Command): Command {
  return addMemoryFlags(command)
    .option(
      '--draft <model>',
      'a smaller model with the same vocabulary, or an EAGLE3 draft, which proposes tokens',
    )
    .option(
      '--draft-tokens <count>',
      `tokens that the draft model proposes per step (default: ${usualDraftTokens})`,
      wholeFlag('--draft-tokens', 1, draftTokensMax),
    )
    .option('--offline', 'download nothing: take models of the Hub from the cache alone');
}

export interface StartedEngine {
  readonly engine: Engine;
  readonly limit: MemoryLimit;
  readonly loadSeconds: number;
}

export interface StartOptions {
  /** Tokens that the command needs. Default: --ctx, else the usual context or the model's shorter limit. */
  readonly contextMax?: number;
  /** False for commands without text. Default true. */
  readonly needsTokenizer?: boolean;
  /** False for commands that compute the same prompt repeatedly. Default true. */
  readonly prefixCaching?: boolean;
  /** True: the output follows a grammar, which needs additional memory. */
  readonly constrainedOutput?: boolean;
  /** Limits of a server. Defaults: one sequence, and the engine's own. */
  readonly serving?: ServingOptions;
}

export interface ServingOptions
  extends Pick<
      NonNullable<EngineStart['options']>,
      'sequencesMax' | 'waitingMax' | 'program' | 'constrainedOutput' | 'hiddenStatesBytes'
    >,
    Pick<EngineStart, 'policy' | 'queueSecondsMax'> {}

export async function startEngine(
  reference: string,
  flags: EngineFlags,
  options: StartOptions = {},
): Promise<StartedEngine> {
  const limit = memoryLimit(flags.memory);
  const fit = fitCheck(flags, options, limit.bytes);
  const { path, id } = await engineModelOf(reference, { fit, offline: flags.offline });
  const startedAt = monotonicClock.now();
  // Imported only here, so that the help and the errors above need not wait for the engine.
  const { createEngine, openModel } = await import('@plimsoll/engine');
  const model = await openModel(path, { memoryBytes: limit.bytes, ...(id !== undefined && { id }) });
  const draft = await draftOf(flags, fit, (path) => openModel(path, { memoryBytes: limit.bytes }));
  const line = new ProgressLine(monotonicClock, { label: 'loading' });
  const { policy, queueSecondsMax } = options.serving ?? {};
  try {
    const engine = await createEngine({
      model,
      draft,
      memoryBytes: limit.bytes,
      options: await engineOptions(flags, options, model.spec),
      ...(policy !== undefined && { policy }),
      ...(queueSecondsMax !== undefined && { queueSecondsMax }),
      ...(options.needsTokenizer === false && { tokenizer: null }),
      ...(options.prefixCaching !== undefined && { prefixCaching: options.prefixCaching }),
      onProgress: ({ loadedBytes, totalBytes }: LoadProgress) =>
        line.show(
          loadedBytes / Math.max(1, totalBytes),
          `${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`,
        ),
    });
    return { engine, limit, loadSeconds: monotonicClock.now() - startedAt };
  } finally {
    line.clear();
  }
}

/** The engine's options that the flags and the command ask for. */
export async function engineOptions(
  flags: EngineFlags,
  { contextMax, constrainedOutput, serving }: StartOptions,
  spec: ModelSpec,
): Promise<NonNullable<EngineStart['options']>> {
  const { parseKvFormat } = await import('@plimsoll/planner/formats');
  const { policy, queueSecondsMax, ...limits } = serving ?? {};
  return {
    contextMax: contextOf(flags, spec, contextMax),
    constrainedOutput,
    ...limits,
    threads: flags.threads ?? usualThreads(),
    ...(flags.kvType !== undefined && { kvFormat: kvFormatOf(flags.kvType, parseKvFormat) }),
    ...(flags.prefillChunk !== undefined && { prefillChunkTokens: flags.prefillChunk }),
    ...(flags.blockSize !== undefined && { blockTokens: flags.blockSize }),
    ...(flags.weights !== undefined && { shrinkWeights: isAuto(flags.weights) }),
  };
}

/** The engine's own admission, for a model whose header alone is known. A draft model counts when it is opened. */
export function fitCheck(flags: EngineFlags, options: StartOptions, memoryBytes: number): FitCheck {
  return {
    memoryBytes,
    async admit(spec) {
      const { architectureOf } = await import('@plimsoll/engine/architectures');
      const { admitEngineMemory } = await import('@plimsoll/planner/engine-memory');
      architectureOf(spec.family, spec.source === 'gguf' ? 'gguf' : 'hub');
      const asked = await engineOptions(flags, options, spec);
      admitEngineMemory({ spec, freeBytes: memoryBytes, options: asked });
    },
    async neededBytes(spec) {
      const { memoryNeeded } = await import('@plimsoll/planner/engine-memory');
      const asked = await engineOptions(flags, options, spec);
      return memoryNeeded({ spec, freeBytes: memoryBytes, options: asked });
    },
  };
}

async function draftOf(
  { draft, draftTokens, offline }: EngineFlags,
  fit: FitCheck,
  openModel: (path: string) => Promise<Model>,
): Promise<DraftStart | undefined> {
  if (draft === undefined) {
    if (draftTokens === undefined) return undefined;
    throw lonelyFlag('--draft-tokens', '--draft <model>');
  }
  const { path } = await engineModelOf(draft, { fit, offline });
  return { model: await openModel(path), tokens: draftTokens ?? usualDraftTokens };
}

/** `needed`: tokens that the command needs; null if --ctx or the usual context decides. */
function contextOf({ ctx }: EngineFlags, spec: ModelSpec, needed: number | null = null): number {
  const limit = spec.contextLength;
  const tokens = needed ?? (ctx === undefined ? usualContext(limit) : parseTokens(ctx));
  if (tokens <= limit) return tokens;
  throw contextTooLong(
    tokens,
    spec,
    needed === null ? `--ctx ${limit}` : `at most ${limit} tokens in a test`,
  );
}

/** Names the formats of this engine in the error; the parser knows the formats of every engine. */
function kvFormatOf<Format>(text: string, parse: (text: string) => Format): Format {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    throw new PlimsollError(
      { ...error.toJSON(), limit: 'f16, q8_0, f32', hint: '--kv-type q8_0' },
      { cause: error },
    );
  }
}

function isAuto(text: string): true {
  if (text === 'auto') return true;
  throw badValue('--weights', text, 'auto; other formats are chosen by converting the file');
}
