/**
 * Predicts the figures of a TensorRT-LLM start-up log. `predicted` starts from the memory that the log prints before it
 * allocates the cache: the peak of the estimation pass, or the free memory beside a built engine. If a log states
 * neither, `predicted` starts from the cache size that it states. `endToEnd` starts from the record's inputs.
 */
import { formatBytes, GiB, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/tensorrt-llm.json' with { type: 'json' };
import { parseKvFormat } from '../../bytes/kv-format.ts';
import { ledgerBytes } from '../../bytes/ledger.ts';
import { parseElementType } from '../../bytes/weight-format.ts';
import type { Question } from '../../question/question.ts';
import {
  booleanField,
  countField,
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
import type { TensorrtLlmOptions } from './options.ts';
import { prepareTensorrtLlm, type TensorrtLlmDeployment } from './profile.ts';
import { blockTokens } from './release.ts';

export const tensorrtLlmRecords: RecordReader<'tensorrt-llm'> = {
  kind: 'tensorrt-llm',
  reportedField: 'reported',
  recognises: (record) =>
    'reported' in record && /^(?:tensorrt[-_ ]?llm|trt-?llm)$/i.test(textField(record, 'engine') ?? ''),
  answer: predictTensorrtLlmRecord,
};

export function predictTensorrtLlmRecord(record: RawRecord, resolver: Resolver): RecordAnswer {
  const reported = objectField(record, 'reported') as ReportedFields;
  const budgetBytes = loggedBudget(record, reported);
  const model = orReason(() => loggedModel(textField(record, 'model') ?? '', resolver));
  const answer = { id: textField(record, 'id') ?? '', supported: true, reported };
  if (typeof model === 'string') {
    // The size of the cache does not depend on the model if the log prints the free memory.
    if (budgetBytes === null) throw new PlimsollError({ code: 'missing-model', message: model });
    return { ...answer, predicted: sizeFigures(budgetBytes, reported) };
  }
  const card = orReason(() => resolver.hardware(textField(record, 'gpu') ?? ''));
  const named = typeof card === 'string' ? null : card;
  const question = questionOf(record, model, named ?? resolver.hardware('H100'));
  const own = prepareTensorrtLlm(question);
  const given = givenFigures(record, own, budgetBytes, reported);
  if (named === null) return { ...answer, predicted: { ...given, kv_bytes_per_token: own.tokenBytes } };
  const gap = foreignMemory(own, reported);
  return {
    ...answer,
    predicted: { ...ownFigures(own), ...given },
    assumptions: assumptionsOf(record, own),
    endToEnd: gap === null ? { kv_tokens: own.kvTokens, kv_gib: own.poolBytes / GiB } : {},
    undetermined: gap === null ? [] : [`end to end: ${gap}`],
  };
}

/** The engine counts the memory of other programs as its own outside torch, so no plan of the inputs alone can meet it. */
function foreignMemory(own: TensorrtLlmDeployment, reported: ReportedFields): string | null {
  const printed = (numberField(reported, 'outside_torch_gib') ?? 0) * GiB;
  const foreign = printed - ledgerBytes({ entries: own.fixed }, { category: 'runtime' });
  if (foreign <= own.capacityBytes * foreignShareMin) return null;
  return `other programs held about ${formatBytes(foreign)} of the device`;
}

/** Contexts, graphs and libraries differ by less than this share of a device. */
const foreignShareMin = 0.1;

/** Returns the bytes that the cache may take: a share of the memory that the log prints; null if the log prints none. */
function loggedBudget(record: RawRecord, reported: ReportedFields): number | null {
  const fraction = shareField(record) ?? facts.defaults.freeGpuMemoryFraction;
  const [total, peak, temporary, free] = [
    'total_gpu_gib',
    'peak_gib',
    'temp_kv_gib',
    'free_before_kv_gib',
  ].map((key) => numberField(reported, key));
  if (free !== undefined) return free * fraction * GiB;
  if (total === undefined || peak === undefined) return null;
  return (total - peak + (temporary ?? 0)) * fraction * GiB;
}

/** Returns the stated share of the cache; undefined if the record states none that the engine accepts. */
function shareField(record: RawRecord): number | undefined {
  const value = numberField(record, 'free_gpu_memory_fraction');
  return value !== undefined && value > 0 && value <= 1 ? value : undefined;
}

function sizeFigures(budgetBytes: number, reported: ReportedFields): ReportedFields {
  const gib = budgetBytes / GiB;
  return { available_kv_gib: numberField(reported, 'peak_gib') === undefined ? null : gib, kv_gib: gib };
}

function givenFigures(
  record: RawRecord,
  { tokenBytes }: TensorrtLlmDeployment,
  budgetBytes: number | null,
  reported: ReportedFields,
): ReportedFields {
  const stated = numberField(reported, 'kv_gib');
  const size = budgetBytes ?? (stated === undefined ? null : stated * GiB);
  if (size === null) return {};
  const block =
    countField(reported, 'tokens_per_block') ?? blockTokens(textField(record, 'version') ?? facts.newest);
  const tokens = Math.ceil(Math.floor(Math.max(0, size) / tokenBytes) / block) * block;
  return {
    kv_tokens: tokens,
    kv_blocks: tokens / block,
    ...(budgetBytes !== null && sizeFigures(budgetBytes, reported)),
  };
}

function ownFigures(own: TensorrtLlmDeployment): ReportedFields {
  const ledger = { entries: own.fixed };
  return {
    weights_gib: own.weightBytes / GiB,
    activation_gib: ledgerBytes(ledger, { category: 'activations' }) / GiB,
    outside_torch_gib: ledgerBytes(ledger, { category: 'runtime' }) / GiB,
    temp_kv_gib: own.temporaryBytes / GiB,
    kv_bytes_per_token: own.tokenBytes,
    tokens_per_block: own.printed?.blockTokens ?? null,
    total_gpu_gib: own.capacityBytes / GiB,
    kv_gib: own.poolBytes / GiB,
    kv_tokens: own.kvTokens,
  };
}

function questionOf(
  record: RawRecord,
  spec: ModelSpec,
  hardware: HardwareRecord,
): Question<TensorrtLlmOptions> {
  const kv = textField(record, 'kv_cache_dtype') ?? 'auto';
  const contextTokens = countField(record, 'max_seq_len') ?? spec.contextLength;
  return {
    spec: { ...spec, contextLength: Math.max(spec.contextLength, contextTokens) },
    hardware,
    parallelism: {
      tensor: countField(record, 'tensor_parallel') ?? 1,
      pipeline: countField(record, 'pipeline_parallel') ?? 1,
      data: 1,
      expertParallel: (countField(record, 'expert_parallel') ?? 1) > 1,
    },
    elementType: parseElementType(textField(record, 'dtype') ?? '') ?? undefined,
    weights: weightsOf(spec, textField(record, 'quantization')),
    kvFormat: kv === 'auto' ? undefined : parseKvFormat(kv),
    options: {
      freeGpuMemoryFraction: shareField(record),
      maxBatchSize: countField(record, 'max_batch_size'),
      maxNumTokens: countField(record, 'max_num_tokens'),
      attentionDp: booleanField(record, 'attention_dp'),
    },
    workload: { contextTokens, users: 1 },
  };
}

function weightsOf(spec: ModelSpec, quantization: string | undefined): string | undefined {
  if (quantization === undefined || spec.quantization !== null) return undefined;
  const text = quantization.toLowerCase();
  return ['nvfp4', 'mxfp4', 'awq', 'gptq', 'int8', 'fp8', 'int4'].find((name) => text.includes(name));
}

function assumptionsOf(record: RawRecord, own: TensorrtLlmDeployment): readonly string[] {
  const found: string[] = [];
  if (shareField(record) === undefined)
    found.push(`free_gpu_memory_fraction not stated: ${own.fraction} taken`);
  if (countField(record, 'max_num_tokens') === undefined)
    found.push(`token budget not stated: ${facts.defaults.maxNumTokens} taken`);
  return found;
}

/** Returns the result, or the message of the error that the attempt throws. */
function orReason<Value>(attempt: () => Value): Value | string {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof PlimsollError) return error.message;
    throw error;
  }
}
