/**
 * The run that a benchmark record describes: model, weights, devices and engine, from the loose names of benchmarks.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { type KvFormat, parseKvFormat } from '../bytes/kv-format.ts';
import { deviceCount, type Parallelism } from '../bytes/parallelism.ts';
import { type WeightFormat, weightFormat } from '../bytes/weight-format.ts';
import { deviceWeights } from '../bytes/weights.ts';
import type { Resolver } from '../engines/contract/log-record.ts';
import { numberField, type RawRecord, textField } from '../engines/contract/log-record.ts';
import { parseFileType } from '../gguf-recipes/file-type.ts';
import { ggufSpec } from '../gguf-recipes/gguf-spec.ts';
import { type SpeedEngine, speedEngine } from '../speed/speed-table.ts';
import { benchmarkModel, publishedVariant } from './benchmark-model.ts';

export interface Setup {
  readonly spec: ModelSpec;
  readonly format: WeightFormat;
  readonly kvFormat: KvFormat;
  readonly hardware: HardwareRecord;
  /** Parallelism of one replica. */
  readonly parallelism: Parallelism;
  readonly replicas: number;
  readonly devices: number;
  readonly engine: SpeedEngine;
  /** The engine as the record names it. */
  readonly engineText: string;
  /** Month of the run, as `2025-03`; null if the record states only a year. */
  readonly month: string | null;
  /** Assumptions about facts that the record omits. */
  readonly assumed: readonly string[];
}

/** Reads the run of a record. Throws the PlimsollError of the resolver or of a format parser for unknown names. */
export function setupOf(record: RawRecord, resolver: Resolver): Setup {
  const engineText = textField(record, 'engine') ?? '';
  const engine = speedEngine(engineText);
  const assumed: string[] = [];
  const hardware = resolver.hardware(textField(record, 'gpu') ?? '');
  const published = publishedVariant(record, hardware);
  const bare =
    published === null
      ? benchmarkModel(textField(record, 'model') ?? '', resolver)
      : resolver.model(published);
  const precision = published === null ? precisionOf(record, bare) : null;
  const { spec, format } = weightsOf(bare, precision, engine, assumed);
  const devices = Math.max(1, numberField(record, 'gpu_count') ?? 1);
  const parallelism = parallelismOf(record, { spec, format, hardware, engine, devices }, assumed);
  const used = deviceCount(parallelism);
  return {
    spec,
    format,
    kvFormat: kvFormatOf(record, spec, format, engine),
    hardware,
    parallelism,
    replicas: Math.max(1, Math.round(devices / used)),
    devices,
    engine,
    engineText,
    month: /^\d{4}-\d\d/.exec(textField(record, 'date') ?? '')?.[0] ?? null,
    assumed,
  };
}

/** Translates the record's precision to a format name of the planner; null means the checkpoint's own format. */
function precisionOf(record: RawRecord, spec: ModelSpec): string | null {
  const stated = textField(record, 'precision')?.toLowerCase() ?? '';
  // gpt-oss exists in one format; tables that list it under "FP8" or "FP4" name the generation of the device.
  const isNativeMx = spec.quantization?.weights === 'mxfp4';
  if (stated.startsWith('gguf-')) {
    const type = stated.slice('gguf-'.length);
    if (type !== 'see model') return `gguf ${type}`;
    const inName = /(I?Q\d\w*|F16|BF16)$/i.exec(textField(record, 'model') ?? '')?.[1];
    // Some sources name a file without its type: the maintainers' own conversions are Q8_0, "qat" is Q4_0.
    return `gguf ${inName ?? (/qat/i.test(textField(record, 'model') ?? '') ? 'Q4_0' : 'Q8_0')}`;
  }
  if (/^(ud-)?i?q\d/.test(stated)) return `gguf ${stated}`;
  if (stated.includes('mlx-8bit')) return 'gguf Q8_0';
  if (isNativeMx && /^(mx)?fp[48]$/.test(stated)) return null;
  if (stated === 'fp4') return spec.quantization?.weights === 'nvfp4' ? null : 'nvfp4';
  if (stated === 'fp8') return spec.quantization?.weights === 'fp8' ? null : 'fp8';
  if (/w8a8|int8/.test(stated)) return spec.quantization?.weights === 'int8' ? null : 'int8';
  if (stated.includes('nvfp4')) return spec.quantization?.weights === 'nvfp4' ? null : 'nvfp4';
  if (stated.includes('awq')) return 'awq';
  if (stated.includes('gptq')) return 'gptq';
  if (/int4|w4a16|4-bit|exl2 4/.test(stated)) return spec.quantization?.weights === 'int4' ? null : 'int4';
  if (stated.startsWith('exl2 3')) return 'gguf Q3_K_S';
  return stated === '' ? null : stated;
}

function weightsOf(
  spec: ModelSpec,
  precision: string | null,
  engine: SpeedEngine,
  assumed: string[],
): { readonly spec: ModelSpec; readonly format: WeightFormat } {
  // Engines for local machines read GGUF files; their own 4-bit formats are nearest to Q4_0.
  const mixture = precision?.startsWith('gguf ')
    ? precision.slice('gguf '.length)
    : engine === 'llama.cpp' && precision === 'int4'
      ? 'Q4_0'
      : null;
  if (mixture !== null) {
    if (parseFileType(mixture).approximate) assumed.push(`${mixture} taken as its base mixture`);
    const stored = ggufSpec(spec, mixture);
    return { spec: stored, format: weightFormat(stored) };
  }
  if (precision === null) {
    if (spec.quantization === null) assumed.push(`weights in ${spec.elementType}`);
    return { spec, format: weightFormat(spec) };
  }
  return { spec, format: weightFormat(spec, { format: precision }) };
}

/**
 * Returns the cache type. TensorRT-LLM caches in fp8 if the weights are quantised (its documentation); other engines
 * keep 16 bits.
 */
function kvFormatOf(record: RawRecord, spec: ModelSpec, format: WeightFormat, engine: SpeedEngine): KvFormat {
  const stated = textField(record, 'kv_dtype');
  if (stated !== undefined) return parseKvFormat(stated.split(' ')[0] ?? stated);
  if (spec.quantization?.kvCache === 'fp8') return 'fp8';
  if (engine === 'tensorrt-llm' && format.label !== format.base) return 'fp8';
  return engine === 'llama.cpp' ? 'fp16' : 'bf16';
}

function parallelismOf(
  record: RawRecord,
  setup: Pick<Setup, 'spec' | 'format' | 'hardware' | 'engine' | 'devices'>,
  assumed: string[],
): Parallelism {
  const notes = textField(record, 'notes') ?? '';
  const quote = textField(record, 'quote') ?? '';
  const pipeline = numberField(record, 'pp') ?? 1;
  const stated = /tp=(\d+) pp=(\d+) attention_dp=(\d+) moe_tp=(\d+) moe_ep=(\d+)/.exec(notes);
  if (stated !== null) {
    const [tensor = 1, stages = 1, data = 1, , expert = 1] = stated.slice(1).map(Number);
    return { tensor, pipeline: stages, data, expertParallel: expert > 1 };
  }
  const together = /\bDEP(\d+)/.exec(quote);
  if (together !== null) {
    return { tensor: 1, pipeline, data: Number(together[1]), expertParallel: true };
  }
  const tensor = numberField(record, 'tp');
  if (tensor !== undefined) return { tensor, pipeline, data: 1, expertParallel: false };
  if (setup.engine === 'llama.cpp') {
    const stages = Math.min(setup.devices, setup.spec.layers.length);
    return { tensor: 1, pipeline: stages, data: 1, expertParallel: false };
  }
  if (notes.includes('MLPerf')) return replicaThatFits(setup, assumed);
  return { tensor: divisorOf(setup, setup.devices), pipeline, data: 1, expertParallel: false };
}

/**
 * Chooses the fewest devices whose memory the weights fill to at most 60 %: submitters choose the layout with the most
 * throughput.
 */
function replicaThatFits(
  setup: Pick<Setup, 'spec' | 'format' | 'hardware' | 'devices'>,
  assumed: string[],
): Parallelism {
  let tensor = 1;
  const weights = (ways: number): number =>
    deviceWeights(setup.spec, setup.format, {
      tensor: ways,
      pipeline: 1,
      data: 1,
      expertParallel: false,
    }).bytes;
  const limit = Math.min(8, setup.devices);
  while (tensor < limit && weights(tensor) > 0.6 * setup.hardware.memory.usableBytes) tensor *= 2;
  assumed.push(`replicas of ${tensor} devices`);
  return { tensor, pipeline: 1, data: 1, expertParallel: false };
}

function divisorOf(setup: Pick<Setup, 'spec'>, devices: number): number {
  let heads = 0;
  for (const { attention } of setup.spec.layers) {
    if ('queryHeads' in attention) heads = Math.max(heads, attention.queryHeads);
  }
  let tensor = Math.min(devices, 8);
  while (tensor > 1 && heads % tensor !== 0) tensor--;
  return tensor;
}
