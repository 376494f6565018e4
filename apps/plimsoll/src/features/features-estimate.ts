/** What a capture takes, computed before it starts: memory, disk and time. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PromptPlan } from '@plimsoll/drafts';
import { featureBytesPerToken } from '@plimsoll/drafts/offline';
import type { CapturePlan, TargetEngine } from '@plimsoll/drafts/targets';
import { formatBytes, monotonicClock, PlimsollError } from '@plimsoll/foundation';
import { type EngineOptions, memoryNeeded } from '@plimsoll/planner/engine-memory';
import type { FeaturesOptions } from './features-options.ts';
import type { FeaturesEstimate } from './features-schema.ts';
import type { FeaturesTarget } from './features-target.ts';

/** Bytes of a feature file beside its tensors: header and manifest. */
const headerBytes = 2048;

export interface EstimateRequest {
  readonly target: FeaturesTarget;
  readonly options: FeaturesOptions;
  readonly prompts: PromptPlan;
  readonly engineOptions: EngineOptions;
  readonly memoryBytes: number;
}

/** Walks the whole data set, and computes nothing of the model. Throws errors of the data and of the memory. */
export async function estimateFeatures(request: EstimateRequest): Promise<FeaturesEstimate> {
  const { target, options, prompts, engineOptions, memoryBytes } = request;
  for await (const _ of prompts.prompts()) {
    // Only the counts are wanted.
  }
  const { counts } = prompts;
  const { spec, graph } = target.model;
  const memory = { spec, freeBytes: memoryBytes, options: engineOptions };
  const bytesPerToken = featureBytesPerToken(target.plan, graph.hiddenSize);
  return {
    lines: prompts.lineCount,
    prompts: counts.prompts,
    tokens: counts.tokens,
    lossTokens: counts.lossTokens,
    cutTokens: counts.cutTokens,
    droppedTurns: counts.droppedTurns,
    skipped: counts.skipped,
    firstFault: counts.firstFault?.message ?? null,
    bytesPerToken,
    featureBytes: counts.tokens * bytesPerToken + counts.prompts * headerBytes,
    diskFreeBytes: await freeBytes(options.output),
    memoryBytes: memoryNeeded(memory),
    seconds: null,
  };
}

interface Measurement {
  readonly options: FeaturesOptions;
  readonly prompts: PromptPlan;
  readonly engine: TargetEngine;
  readonly plan: CapturePlan;
  readonly estimate: FeaturesEstimate;
  readonly signal: AbortSignal;
}

/** Tokens of each measured answer: enough steps for a rate, few enough to wait for. */
const measuredAnswerTokens = 8;

/** Captures and answers the first prompts of the plan, and scales the times to all of them. */
export async function measuredSeconds(measurement: Measurement): Promise<FeaturesEstimate['seconds']> {
  const { options, prompts, engine, plan, estimate, signal } = measurement;
  const first: (readonly number[])[] = [];
  for await (const { inputIds } of prompts.prompts()) {
    first.push(inputIds);
    if (first.length === engine.promptsMax) break;
  }
  const tokens = first.reduce((sum, ids) => sum + ids.length, 0);
  const captureStart = monotonicClock.now();
  await engine.capture(first, plan, signal);
  const perToken = (monotonicClock.now() - captureStart) / tokens;
  const capture = perToken * estimate.tokens;
  if (options.answers === 'data') return { capture, answersMax: 0 };
  const answerStart = monotonicClock.now();
  const { seed, temperature } = options;
  const tokensMax = Math.min(measuredAnswerTokens, options.answerTokens);
  await Promise.all(
    first.map((ids) =>
      engine.answer(
        { prompt: ids.slice(0, Math.max(1, ids.length - tokensMax)), tokensMax, temperature, seed },
        signal,
      ),
    ),
  );
  const decode = Math.max(0, monotonicClock.now() - answerStart - perToken * tokens);
  const answerTokens = estimate.prompts * options.answerTokens;
  return { capture, answersMax: capture + (decode / (first.length * tokensMax)) * answerTokens };
}

/** Throws `disk-full` or `feature-store-full` before the first prompt is computed. */
export function refuseFullDisk(
  { featureBytes, diskFreeBytes }: FeaturesEstimate,
  heldBytes: number,
  options: FeaturesOptions,
): void {
  const missing = featureBytes - heldBytes;
  if (missing > diskFreeBytes) {
    throw new PlimsollError({
      code: 'disk-full',
      message: `the features need ${formatBytes(missing)} and the disk of ${options.output} has ${formatBytes(diskFreeBytes)} free`,
      value: missing,
      limit: diskFreeBytes,
      hint: 'name a folder on another disk, or set --max-prompts, --max-length or fewer --layers',
    });
  }
  if (featureBytes <= options.disk) return;
  throw new PlimsollError({
    code: 'feature-store-full',
    message: `the features need ${formatBytes(featureBytes)}; --disk allows ${formatBytes(options.disk)}`,
    value: featureBytes,
    limit: options.disk,
    hint: `--disk ${Math.ceil(featureBytes / 1024 ** 3)}GiB`,
  });
}

/** The folder may not exist yet: its nearest existing parent is on the same disk. */
async function freeBytes(folder: string): Promise<number> {
  for (let path = folder; ; path = dirname(path)) {
    const status = await statfs(path).catch(() => null);
    if (status !== null) return status.bavail * status.bsize;
    if (dirname(path) === path) return 0;
  }
}
