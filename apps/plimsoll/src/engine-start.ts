/** Starts the engine for a command: reads the flags of its memory, opens the model, loads it and shows the progress. */
import { existsSync } from 'node:fs';
import type { DraftStart, Engine, EngineStart, LoadProgress, Model } from '@plimsoll/engine';
import { formatBytes, monotonicClock, PlimsollError, parseTokens } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { usualDraftTokens } from '@plimsoll/planner/engines';
import type { Command } from 'commander';
import { badValue, lonelyFlag, wholeFlag } from './flag-values.ts';
import { type MemoryLimit, memoryLimit } from './memory-limit.ts';
import { ProgressLine } from './render/progress-line.ts';
import { usualThreads } from './this-machine.ts';
import { contextTooLong, usualContext } from './usual-context.ts';

export interface EngineFlags {
  readonly memory?: string;
  readonly ctx?: string;
  readonly kvType?: string;
  readonly threads?: number;
  readonly prefillChunk?: number;
  readonly weights?: string;
  readonly draft?: string;
  readonly draftTokens?: number;
}

/** The engine's limit. */
const draftTokensMax = 64;

export function addEngineFlags(command: Command): Command {
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
    .option('--weights <auto>', 'auto: convert weights to smaller formats if they do not fit')
    .option('--draft <model>', 'a smaller model with the same vocabulary, which proposes tokens')
    .option(
      '--draft-tokens <count>',
      `tokens that the draft model proposes per step (default: ${usualDraftTokens})`,
      wholeFlag('--draft-tokens', 1, draftTokensMax),
    );
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
      'sequencesMax' | 'waitingMax' | 'programBytes' | 'hiddenStatesBytes'
    >,
    Pick<EngineStart, 'policy' | 'queueSecondsMax'> {}

export async function startEngine(
  path: string,
  flags: EngineFlags,
  options: StartOptions = {},
): Promise<StartedEngine> {
  refuseWhatIsNoFile(path);
  const limit = memoryLimit(flags.memory);
  const startedAt = monotonicClock.now();
  // Imported only here, so that the help and the errors above need not wait for the engine.
  const { createEngine, openModel } = await import('@plimsoll/engine');
  const { parseKvFormat } = await import('@plimsoll/planner/formats');
  const model = await openModel(path, { memoryBytes: limit.bytes });
  const draft = await draftOf(flags, (path) => openModel(path, { memoryBytes: limit.bytes }));
  const line = new ProgressLine(monotonicClock, { label: 'loading' });
  const { policy, queueSecondsMax, ...limits } = options.serving ?? {};
  try {
    const engine = await createEngine({
      model,
      draft,
      memoryBytes: limit.bytes,
      options: {
        contextMax: contextOf(flags, model.spec, options.contextMax),
        ...limits,
        constrainedOutput: options.constrainedOutput,
        threads: flags.threads ?? usualThreads(),
        ...(flags.kvType !== undefined && { kvFormat: kvFormatOf(flags.kvType, parseKvFormat) }),
        ...(flags.prefillChunk !== undefined && { prefillChunkTokens: flags.prefillChunk }),
        ...(flags.weights !== undefined && { shrinkWeights: isAuto(flags.weights) }),
      },
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

async function draftOf(
  { draft, draftTokens }: EngineFlags,
  openModel: (path: string) => Promise<Model>,
): Promise<DraftStart | undefined> {
  if (draft === undefined) {
    if (draftTokens === undefined) return undefined;
    throw lonelyFlag('--draft-tokens', '--draft <model>');
  }
  refuseWhatIsNoFile(draft);
  return { model: await openModel(draft), tokens: draftTokens ?? usualDraftTokens };
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

/** Refuses a path that does not exist, such as a registry name: the registry has no weights. */
function refuseWhatIsNoFile(path: string): void {
  if (existsSync(path)) return;
  throw new PlimsollError({
    code: 'no-such-file',
    message: `there is no file or directory "${path}"; the name of a model is not enough to run it`,
    value: path,
    limit: 'a .gguf file, or a directory with config.json, tokenizer.json and safetensors',
    hint: 'download the model and give its path; plimsoll plan accepts names',
  });
}
