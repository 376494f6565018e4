/**
 * `plimsoll features` from options to a folder:
 *
 *   data -> (answers of the target -> answers.jsonl) -> prompt plan -> target -> features/, refs.jsonl, run.json
 *
 * Each step continues where an earlier run has ended.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type EncodingOptions, PromptPlan } from '@plimsoll/drafts';
import { captureOffline, OfflineFolder, type OfflineSettings, writeAnswers } from '@plimsoll/drafts/offline';
import { PlimsollTarget } from '@plimsoll/drafts/targets';
import { defined, formatCount, formatSeconds, monotonicClock, PlimsollError } from '@plimsoll/foundation';
import type { TemplateProcess } from '@plimsoll/text/process';
import { engineModelOf } from '../engine-model.ts';
import {
  type EngineFlags,
  engineOptions,
  fitCheck,
  type StartOptions,
  startEngine,
} from '../engine-start.ts';
import { memoryLimit } from '../memory-limit.ts';
import { ProgressLine } from '../render/progress-line.ts';
import { estimateFeatures, measuredSeconds, refuseFullDisk } from './features-estimate.ts';
import type { FeaturesOptions } from './features-options.ts';
import type { FeaturesAnswer, FeaturesEstimate } from './features-schema.ts';
import { type FeaturesTarget, readTarget } from './features-target.ts';

export interface FeaturesRun {
  readonly options: FeaturesOptions;
  readonly flags: EngineFlags;
  readonly isPlanOnly: boolean;
  readonly signal: AbortSignal;
}

export async function runFeatures(run: FeaturesRun): Promise<FeaturesAnswer> {
  const { TemplateProcess: Templates } = await import('@plimsoll/text/process');
  const templates = new Templates();
  templates.start();
  try {
    return await withTemplates(run, templates);
  } finally {
    templates.close();
  }
}

async function withTemplates(run: FeaturesRun, templates: TemplateProcess): Promise<FeaturesAnswer> {
  const { options, flags } = run;
  const memoryBytes = memoryLimit(flags.memory).bytes;
  const fit = fitCheck(flags, { contextMax: options.maxLength }, memoryBytes);
  const { path, id } = await engineModelOf(options.target, { fit, offline: flags.offline });
  const { openModel } = await import('@plimsoll/engine');
  const model = await openModel(path, { memoryBytes, ...(id !== undefined && { id }) });
  const target = await readTarget(model, options, templates);
  const start = startOptions(target, options);
  const asked = await engineOptions(flags, start, model.spec);
  const estimateOf = (prompts: PromptPlan): Promise<FeaturesEstimate> =>
    estimateFeatures({ target, options, prompts, engineOptions: asked, memoryBytes });
  if (target.encoding.chat === null && options.answers === 'target') throw needsTemplate(model.path);
  const { engine } = await startEngine(options.target, flags, start);
  const own = new PlimsollTarget(engine, target.identity);
  try {
    const production = { target, own, estimateOf };
    return run.isPlanOnly ? await planOnly(run, production) : await produce(run, production);
  } finally {
    await own.close();
  }
}

interface Production {
  readonly target: FeaturesTarget;
  readonly own: PlimsollTarget;
  readonly estimateOf: (prompts: PromptPlan) => Promise<FeaturesEstimate>;
}

/** Reads all data, and measures the speed of this machine on a few prompts. */
async function planOnly(
  { options, signal }: FeaturesRun,
  { target, own, estimateOf }: Production,
): Promise<FeaturesAnswer> {
  // Questions without answers count with the longest answer.
  const missingAnswer = ' a'.repeat(options.answerTokens);
  const encoding = options.answers === 'data' ? target.encoding : { ...target.encoding, missingAnswer };
  const prompts = await openPlan(encoding, options, options.data);
  try {
    const settings = settingsOf(target, options, prompts.dataSha256);
    const estimate = await estimateOf(prompts);
    const seconds = await measuredSeconds({
      options,
      prompts,
      engine: own,
      plan: target.plan,
      estimate,
      signal,
    });
    return { settings, estimate: { ...estimate, seconds }, result: null };
  } finally {
    await prompts.close();
  }
}

async function produce(run: FeaturesRun, { target, own, estimateOf }: Production): Promise<FeaturesAnswer> {
  const { options } = run;
  await mkdir(options.output, { recursive: true });
  const answers = options.answers === 'data' ? null : await regenerate(run, target, own);
  const prompts = await openPlan(target.encoding, options, answers?.path ?? options.data);
  try {
    return await captureAll(run, { target, own, estimateOf, prompts, answers: answers?.counts ?? null });
  } finally {
    await prompts.close();
  }
}

interface CaptureInput extends Production {
  readonly prompts: PromptPlan;
  readonly answers: Answers['counts'] | null;
}

async function captureAll({ options, signal }: FeaturesRun, input: CaptureInput): Promise<FeaturesAnswer> {
  const { target, own, estimateOf, prompts, answers } = input;
  const settings = settingsOf(target, options, prompts.dataSha256);
  // Faults of the data come before the first file.
  const estimate = await estimateOf(prompts);
  const folder = await OfflineFolder.open({
    ...{ folder: options.output, settings, bytesMax: options.disk },
    ...{ writer: randomBytes(8).toString('hex'), nowSeconds: () => Date.now() / 1000 },
  });
  const line = new ProgressLine(monotonicClock, { label: 'features' });
  try {
    refuseFullDisk(estimate, folder.bytes, options);
    const startedAt = monotonicClock.now();
    const { failed, ...counts } = await captureOffline({
      ...{
        folder,
        prompts,
        engine: own,
        plan: target.plan,
        tokenizerVersion: target.tokenizerVersion,
        signal,
      },
      onProgress: ({ captured, existing, tokens, failed: lost }) => {
        const done = captured + existing + lost.length;
        const seconds = monotonicClock.now() - startedAt;
        const left = (seconds / Math.max(1, captured + lost.length)) * (estimate.prompts - done);
        line.show(
          done / estimate.prompts,
          `${formatCount(done)} of ${formatCount(estimate.prompts)} samples, ${formatCount(tokens / seconds)} tokens/s, ${formatSeconds(left)} left`,
        );
      },
    });
    const captureSeconds = monotonicClock.now() - startedAt;
    const result = { folder: options.output, ...counts, captureSeconds, answers };
    return { settings, estimate, result: { ...result, failed: [...failed] } };
  } finally {
    line.clear();
    await folder.close();
  }
}

interface Answers {
  readonly path: string;
  readonly counts: NonNullable<NonNullable<FeaturesAnswer['result']>['answers']>;
}

async function regenerate(
  { options, signal }: FeaturesRun,
  { encoding }: FeaturesTarget,
  engine: PlimsollTarget,
): Promise<Answers> {
  const path = join(options.output, 'answers.jsonl');
  const line = new ProgressLine(monotonicClock, { label: 'answers' });
  const startedAt = monotonicClock.now();
  const { temperature, seed, answerTokens: answerTokensMax, maxLength: tokensMax, maxPrompts } = options;
  try {
    const { conversations, cut, skipped } = await writeAnswers({
      ...{ input: options.data, output: path, promptsMax: maxPrompts, signal },
      regeneration: {
        ...{ engine, tokenizer: encoding.tokenizer, chat: defined(encoding.chat ?? undefined, 'a template') },
        ...{ answerTokensMax, tokensMax, temperature, seed },
      },
      onProgress: ({ lines, linesMax }) => {
        const left = ((monotonicClock.now() - startedAt) / lines) * (linesMax - lines);
        line.show(
          lines / linesMax,
          `${formatCount(lines)} of ${formatCount(linesMax)} conversations, ${formatSeconds(left)} left`,
        );
      },
    });
    return { path, counts: { conversations, cut, skipped, seconds: monotonicClock.now() - startedAt } };
  } finally {
    line.clear();
  }
}

function openPlan(encoding: EncodingOptions, options: FeaturesOptions, path: string): Promise<PromptPlan> {
  const { seed, maxPrompts: promptsMax, skipFaults } = options;
  return PromptPlan.open({
    ...encoding,
    path,
    seed,
    epochs: 1,
    promptsMax,
    faults: skipFaults ? 'skip' : 'refuse',
  });
}

/** Everything that decides a sample or its features. The folder refuses other settings. */
function settingsOf(target: FeaturesTarget, options: FeaturesOptions, dataSha256: string): OfflineSettings {
  const { identity, tokenizerVersion, templateSha256, plan } = target;
  const { maxLength, minLength, lastAnswer, seed, maxPrompts, answers } = options;
  return {
    ...{ target: identity.id, targetSha256: identity.sha256, tokenizerVersion, templateSha256 },
    ...{ dataSha256, answers, seed, maxPrompts, maxLength, minLength, lastAnswer },
    ...{ strategy: plan.strategy, layers: plan.layerIds, states: plan.statesType },
  };
}

/** The states of all prompts that are computed at the same time. */
function startOptions(
  { model, plan }: FeaturesTarget,
  { maxLength, parallel }: FeaturesOptions,
): StartOptions {
  const stateCount = plan.layerIds.length + Number(plan.hasFinal);
  const hiddenStatesBytes =
    parallel * maxLength * stateCount * model.graph.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  return { contextMax: maxLength, serving: { sequencesMax: parallel, hiddenStatesBytes } };
}

function needsTemplate(path: string): PlimsollError {
  return new PlimsollError({
    code: 'no-chat-template',
    message: `${path} has no chat template, so the target cannot answer conversations`,
    value: path,
    limit: 'a target with a chat template',
    hint: 'use the instruction-tuned model, or pass token ids with --answers data',
  });
}
