/**
 * Predicts the figures of an SGLang start-up log. `predicted` starts from the free memory that the log prints before
 * and after the weights, so that it tests only the budget and the pools; `endToEnd` starts from the record's inputs.
 */
import { GiB, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { type KvFormat, parseKvFormat } from '../../bytes/kv-format.ts';
import { parseElementType } from '../../bytes/weight-format.ts';
import type { Question } from '../../question/question.ts';
import {
  booleanField,
  numberField,
  objectField,
  type RawRecord,
  type RecordAnswer,
  type RecordReader,
  type ReportedFields,
  type Resolver,
  textField,
} from '../contract/log-record.ts';
import { loggedModel } from '../contract/logged-names.ts';
import type { SglangDeployment } from './deployment.ts';
import { cardOf } from './logged-card.ts';
import type { SglangOptions } from './options.ts';
import { prepareSglang } from './profile.ts';
import { memoryGap, poolGap } from './record-gaps.ts';
import type { PrintedMemory } from './stages.ts';

export const sglangRecords: RecordReader<'sglang'> = {
  kind: 'sglang',
  reportedField: 'reported',
  recognises: (record) => /^sglang$/i.test(textField(record, 'engine') ?? ''),
  answer: predictSglangRecord,
};

export function predictSglangRecord(record: RawRecord, resolver: Resolver): RecordAnswer {
  const reported = objectField(record, 'reported') as ReportedFields;
  const card = cardOf(record, resolver, reported);
  const question = questionOf(record, modelOf(record, resolver), card.hardware);
  if (card.isUnknown) return sizedAnswer(record, question, reported);
  const date = textField(record, 'date');
  const printed = printedMemory(reported);
  const given = prepareSglang(question, { date, printed });
  const own = prepareSglang(question, { date });
  const under = (engineVersion: string): SglangDeployment | null =>
    planned({ ...question, engineVersion }, printed);
  const gap = poolGap({ record, reported, given, under });
  const ownGap = card.isNamed ? memoryGap(own.stage, reported, own.capacityBytes) : null;
  const pools = gap === null ? figures(given) : {};
  return {
    id: textField(record, 'id') ?? '',
    supported: true,
    predicted: card.isNamed && ownGap === null ? { ...pools, ...memoryFigures(own) } : pools,
    reported,
    assumptions: assumptionsOf(record, own),
    ...(card.isNamed && { endToEnd: gap === null && ownGap === null ? figures(own) : {} }),
    undetermined: [...(gap === null ? [] : [gap]), ...(ownGap === null ? [] : [`end to end: ${ownGap}`])],
  };
}

function planned(question: Question<SglangOptions>, printed: PrintedMemory): SglangDeployment | null {
  try {
    return prepareSglang(question, { printed });
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}

/** Predicts the tokens of the cache size that a log states, if it states neither a card nor free memory. */
function sizedAnswer(
  record: RawRecord,
  question: Question<SglangOptions>,
  reported: ReportedFields,
): RecordAnswer {
  const gib = numberField(reported, 'kv_gib');
  const { pools, settings } = prepareSglang(question, { date: textField(record, 'date') });
  if (gib === undefined || pools.tokens <= 0 || pools.windowTokens !== null)
    throw new PlimsollError({
      code: 'missing-memory',
      message: 'the record states no card, no free memory and no size of one pool',
    });
  const pages = Math.floor((gib * GiB * pools.tokens) / pools.kvBytes / settings.pageSize);
  const answer = { id: textField(record, 'id') ?? '', supported: true, reported };
  const tokens = pages * settings.pageSize;
  return { ...answer, predicted: { kv_tokens: tokens, full_tokens: tokens } };
}

/** Returns the figures of the pools. */
function figures(deployment: SglangDeployment): ReportedFields {
  const { stage, pools } = deployment;
  const { kvBytes, state, tokens, windowTokens } = pools;
  const poolEnd =
    stage.freeAfterBytes - kvBytes - (state?.bytes ?? 0) - (state?.verifyBytes ?? 0) - stage.tableBytes;
  return {
    kv_tokens: tokens,
    full_tokens: windowTokens === null ? null : tokens,
    swa_tokens: windowTokens,
    kv_gib: kvBytes / GiB,
    ...halves(deployment),
    state_slots: state?.slots ?? null,
    state_gib: state === null ? null : state.bytes / GiB,
    draft_kv_gib: stage.draft === null ? null : (tokens * stage.draft.cellBytes) / GiB,
    avail_after_pool_gib: poolEnd / GiB,
  };
}

/** Returns keys and values separately, if both have the same width; latent attention has one row for both. */
function halves({ stage, pools }: SglangDeployment): ReportedFields {
  const isLatent = stage.groups.some(({ tag }) => tag.includes('latent'));
  return isLatent ? {} : { k_gib: pools.kvBytes / 2 / GiB, v_gib: pools.kvBytes / 2 / GiB };
}

/** Returns the plan's figures of memory before the pools. */
function memoryFigures({ stage, capacityBytes }: SglangDeployment): ReportedFields {
  return {
    avail_before_weights_gib: stage.freeBeforeBytes / GiB,
    weights_gib: stage.weights.bytes / GiB,
    avail_after_weights_gib: stage.freeAfterBytes / GiB,
    draft_weights_gib: stage.draft === null ? null : stage.draft.weightBytes / GiB,
    total_gpu_gib: capacityBytes / GiB,
  };
}

function printedMemory(reported: ReportedFields): PrintedMemory {
  const bytesOf = (key: string): number | null => {
    const gib = numberField(reported, key);
    return gib === undefined ? null : gib * GiB;
  };
  const beforeBytes = bytesOf('avail_before_weights_gib');
  const weights = bytesOf('weights_gib');
  const afterBytes = bytesOf('avail_after_weights_gib');
  return {
    beforeBytes: beforeBytes ?? (afterBytes === null || weights === null ? null : afterBytes + weights),
    afterBytes: afterBytes ?? (beforeBytes === null || weights === null ? null : beforeBytes - weights),
    draftBytes: bytesOf('draft_weights_gib'),
  };
}

function questionOf(record: RawRecord, spec: ModelSpec, hardware: HardwareRecord): Question<SglangOptions> {
  const tensor = numberField(record, 'tensor_parallel') ?? 1;
  const contextTokens = numberField(record, 'context_length') ?? spec.contextLength;
  return {
    spec: { ...spec, contextLength: Math.max(spec.contextLength, contextTokens) },
    hardware,
    parallelism: {
      tensor,
      pipeline: numberField(record, 'pipeline_parallel') ?? 1,
      data: numberField(record, 'data_parallel') ?? 1,
      expertParallel: (numberField(record, 'expert_parallel') ?? 1) > 1,
    },
    elementType: parseElementType(textField(record, 'dtype') ?? '') ?? undefined,
    weights: weightsOf(spec, textField(record, 'quantization')),
    kvFormat: kvFormatOf(record),
    engineVersion: textField(record, 'version'),
    options: optionsOf(record),
    workload: { contextTokens, users: 1 },
  };
}

function optionsOf(record: RawRecord): SglangOptions {
  return {
    memFractionStatic: numberField(record, 'mem_fraction_static'),
    chunkedPrefillSize: numberField(record, 'chunked_prefill_size'),
    maxRunningRequests: numberField(record, 'max_running_requests'),
    pageSize: numberField(record, 'page_size'),
    cudaGraphMaxBs: numberField(record, 'cuda_graph_max_bs'),
    dpAttention: booleanField(record, 'dp_attention'),
    speculativeAlgorithm: algorithmOf(textField(record, 'speculative')),
  };
}

/** "MTP", "EAGLE3", "draft model": by the name of the flag. */
function algorithmOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const name = text.toUpperCase();
  const known = ['EAGLE3', 'EAGLE', 'DFLASH', 'DSPARK', 'STANDALONE', 'NGRAM'].find((one) =>
    name.includes(one),
  );
  if (known !== undefined) return known;
  return name.includes('MTP') || name.includes('NEXTN') ? 'EAGLE' : 'STANDALONE';
}

/** Forks that keep experts in host memory are another engine. */
function modelOf(record: RawRecord, resolver: Resolver): ModelSpec {
  const name = textField(record, 'model') ?? '';
  if (!/\bon the CPU\b/i.test(name)) return loggedModel(name, resolver);
  throw new PlimsollError({
    code: 'host-experts',
    message: 'experts in host memory are a fork of SGLang, which is not modelled',
    value: name,
  });
}

/**
 * With a plain checkpoint, the scheme is applied on load; with a quantised checkpoint, it names the checkpoint's own
 * scheme.
 */
function weightsOf(spec: ModelSpec, quantization: string | undefined): string | undefined {
  if (quantization === undefined || spec.quantization !== null) return undefined;
  const text = quantization.toLowerCase();
  return ['nvfp4', 'mxfp4', 'awq', 'gptq', 'int8', 'fp8', 'int4'].find((name) => text.includes(name));
}

function kvFormatOf(record: RawRecord): KvFormat | undefined {
  const text = textField(record, 'kv_cache_dtype') ?? 'auto';
  return text === 'auto' ? undefined : parseKvFormat(text);
}

function assumptionsOf(record: RawRecord, { release, settings }: SglangDeployment): readonly string[] {
  const found: string[] = [];
  if (release.from !== 'version') {
    const why = release.from === 'date' ? 'the newest at its date' : 'the newest';
    found.push(`release not stated: ${release.version} taken, ${why}`);
  }
  if (numberField(record, 'mem_fraction_static') === undefined)
    found.push(
      `memory fraction not stated: ${settings.memFractionStatic.toFixed(3)} taken, by the rule of the release`,
    );
  if (numberField(record, 'context_length') === undefined)
    found.push(`context length not stated: ${settings.contextLength} taken`);
  return found;
}
