/**
 * Predicts what a vLLM start-up log printed, from the inputs of the log alone. One figure is conditional: tokens,
 * blocks and concurrency are computed for the cache size that the log states (when it states one), so that they test
 * the block arithmetic and not the memory profile a second time; the unconditional figures are in `endToEnd`.
 */
import { GiB } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { type KvFormat, parseKvFormat } from '../../bytes/kv-format.ts';
import { ledgerBytes } from '../../bytes/ledger.ts';
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
import type { VllmDeployment } from './deployment.ts';
import type { VllmOptions } from './options.ts';
import { engineFigures, prepareVllm } from './profile.ts';

export const vllmRecords: RecordReader<'vllm'> = {
  kind: 'vllm',
  tokensFrom: 'kv_cache_gib',
  reportedField: 'reported',
  recognises: (record) => {
    const reported = objectField(record, 'reported');
    return 'weights_gib' in reported || 'kv_cache_gib' in reported || 'vllm_version' in record;
  },
  answer: predictVllmRecord,
};

export function predictVllmRecord(record: RawRecord, resolver: Resolver): RecordAnswer {
  const request = requestOf(record, resolver);
  const deployment = prepareVllm(request, textField(record, 'date'));
  const reported = objectField(record, 'reported') as ReportedFields;
  const stated = numberField(reported, 'kv_cache_gib');
  return {
    id: textField(record, 'id') ?? '',
    supported: true,
    predicted: { ...memoryFields(deployment), ...tokenFields(deployment, stated) },
    reported,
    assumptions: assumptionsOf(record, deployment),
    endToEnd: tokenFields(deployment, undefined),
  };
}

function assumptionsOf(record: RawRecord, deployment: VllmDeployment): readonly string[] {
  const { release, settings } = deployment;
  const found: string[] = [];
  if (release.from !== 'version') {
    const why = release.from === 'date' ? 'the newest at its date' : 'the newest';
    found.push(`release not stated: ${release.version} taken, ${why}`);
  }
  if (numberField(record, 'gpu_memory_utilization') === undefined) {
    found.push(`utilisation not stated: ${settings.utilization} taken`);
  }
  if (numberField(record, 'max_num_batched_tokens') === undefined) {
    found.push(`token budget not stated: ${settings.batchedTokens} taken`);
  }
  if (numberField(record, 'max_num_seqs') === undefined) {
    found.push(`sequences not stated: ${settings.sequences} taken`);
  }
  return found;
}

function memoryFields(deployment: VllmDeployment): ReportedFields {
  const { startUp } = deployment;
  const started = { entries: startUp.fixed };
  return {
    weights_gib: startUp.weightBytes / GiB,
    kv_cache_gib: startUp.availableBytes / GiB,
    peak_activation_gib: ledgerBytes(started, { category: 'activations' }) / GiB,
    non_torch_gib: ledgerBytes(started, { category: 'runtime', tag: 'outside the allocator' }) / GiB,
    cuda_graph_gib: deployment.graphBytes / GiB,
    total_gpu_gib: deployment.capacityBytes / GiB,
  };
}

function tokenFields(deployment: VllmDeployment, statedGib: number | undefined): ReportedFields {
  const { layout, settings, release } = deployment;
  // The first stage prints its bytes, but blocks are the fewest of any stage.
  const printedBytes = statedGib === undefined ? deployment.startUp.availableBytes : statedGib * GiB;
  const tightness = deployment.poolBytes / Math.max(1, deployment.startUp.availableBytes);
  const usableBytes = deployment.stages > 1 && tightness > 0 ? printedBytes * tightness : printedBytes;
  const blocks = Math.max(0, Math.floor(usableBytes / layout.blockBytes));
  const figures = engineFigures(layout, blocks, settings, release);
  return {
    kv_tokens: figures.kvTokens,
    gpu_blocks: blocks,
    block_size: figures.blockTokens,
    max_concurrency: figures.concurrency,
  };
}

function requestOf(record: RawRecord, resolver: Resolver): Question<VllmOptions> {
  const spec = resolver.model(textField(record, 'model') ?? '');
  const hardware = hardwareOf(record, resolver);
  const elementType = parseElementType(textField(record, 'dtype') ?? '') ?? undefined;
  const quantization = textField(record, 'quantization');
  const engine = textField(record, 'engine');
  return {
    spec,
    hardware,
    parallelism: {
      tensor: numberField(record, 'tensor_parallel') ?? 1,
      pipeline: numberField(record, 'pipeline_parallel') ?? 1,
      data: 1,
      expertParallel: false,
    },
    elementType,
    weights: weightsOf(spec, quantization),
    kvFormat: kvFormatOf(record, spec),
    engineVersion: textField(record, 'vllm_version'),
    options: {
      core: engine === 'V0' || engine === 'V1' ? engine : undefined,
      gpuMemoryUtilization: numberField(record, 'gpu_memory_utilization'),
      maxModelLen: numberField(record, 'max_model_len') ?? spec.contextLength,
      maxNumBatchedTokens: numberField(record, 'max_num_batched_tokens'),
      maxNumSeqs: numberField(record, 'max_num_seqs'),
      enforceEager: booleanField(record, 'enforce_eager'),
      prefixCaching: booleanField(record, 'enable_prefix_caching'),
    },
    workload: { contextTokens: numberField(record, 'max_model_len') ?? spec.contextLength, users: 1 },
  };
}

/**
 * vLLM applies a named scheme to a plain checkpoint while it loads. For a quantised checkpoint the name is the
 * checkpoint's own scheme, unless that is fp8 and the log says four bits: then the log is of a conversion of the model.
 */
function weightsOf(spec: ModelSpec, quantization: string | undefined): string | undefined {
  if (quantization === undefined) return undefined;
  const scheme = schemeName(quantization);
  if (spec.quantization === null) return scheme;
  const isConversion =
    spec.quantization.weights === 'fp8' && ['awq', 'gptq', 'int4', 'nvfp4'].includes(scheme);
  return isConversion ? scheme : undefined;
}

/** "modelopt (nvfp4)", "gptq_marlin", "compressed-tensors" -> a format this planner can convert to. */
function schemeName(quantization: string): string {
  const text = quantization.toLowerCase();
  for (const name of ['nvfp4', 'mxfp4', 'bitsandbytes', 'awq', 'gptq', 'int8', 'fp8']) {
    if (text.includes(name)) return name;
  }
  return text.includes('auto') || text.includes('w4a16') ? 'int4' : 'fp8';
}

function kvFormatOf(record: RawRecord, spec: ModelSpec): KvFormat | undefined {
  const text = textField(record, 'kv_cache_dtype') ?? 'auto';
  if (text !== 'auto') return parseKvFormat(text);
  return spec.quantization?.kvCache === 'fp8' ? 'fp8' : undefined;
}

/** "Radeon 8060S gfx1151 (80 GiB GTT pool)": a device with unified memory; the log names the part in use. */
export function loggedDevice(text: string): { readonly name: string; readonly poolBytes: number | null } {
  const pool = /^(.*?)\s*\((\d+(?:\.\d+)?) GiB [^)]*pool\)$/.exec(text);
  return pool === null
    ? { name: text, poolBytes: null }
    : { name: pool[1] ?? text, poolBytes: Math.round(Number(pool[2]) * GiB) };
}

/**
 * Windows, and Linux under it (WSL), report the nominal size of a card: the driver model there keeps nothing back from
 * the figure.
 */
function hardwareOf(record: RawRecord, resolver: Resolver): HardwareRecord {
  const { name, poolBytes } = loggedDevice(textField(record, 'gpu') ?? '');
  const hardware = resolver.hardware(name);
  if (poolBytes !== null) return withUsable(hardware, poolBytes);
  const isWindows = /\b(?:WSL2?|Windows)\b/.test(textField(record, 'notes') ?? '');
  return isWindows ? withUsable(hardware, hardware.memory.nominalBytes) : hardware;
}

function withUsable(hardware: HardwareRecord, usableBytes: number): HardwareRecord {
  return { ...hardware, memory: { ...hardware.memory, usableBytes } };
}
