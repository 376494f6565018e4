/**
 * The facts that a model card, a config.json and a data sheet give about the deployment of a vLLM log: the inputs of
 * both baselines. Parameters are counted, not estimated, so that neither baseline suffers from a rounded "8B".
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files';
import { elementCount, textParameterCount } from '@plimsoll/model-files/spec';
import { loggedDevice } from '@plimsoll/planner/validation';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import { modelFromRegistry } from '../../apps/plimsoll/src/model-reference.ts';
import { reportedOf } from './figures.ts';
import { idOf, numberOf, objectOf, type RawRecord, textOf } from './log-file.ts';

export interface VllmFacts {
  readonly id: string;
  readonly spec: ModelSpec;
  /** The config as published. */
  readonly config: RawRecord;
  /** The config with the keys of its text part, if any, at the top level. */
  readonly textConfig: RawRecord;
  readonly parameters: number;
  readonly weightBits: number;
  readonly kvBits: number;
  /** Devices that share the weights: tensor x pipeline. */
  readonly devices: number;
  readonly nominalBytes: number;
  readonly bandwidthBytesPerSecond: number;
  readonly peakOperationsPerSecond: number;
  readonly utilization: number;
  readonly maxModelLen: number;
  readonly reportedKvGib: number | null;
}

/** Null for a model or device outside the registry: no program could predict its figures. */
export function vllmFacts(record: RawRecord): VllmFacts | null {
  try {
    const name = textOf(record, 'model') ?? '';
    const spec = modelFromRegistry(name);
    const device = deviceOf(textOf(record, 'gpu') ?? '');
    const config = resolveModel(name).config as RawRecord;
    return {
      id: idOf(record),
      spec,
      config,
      textConfig: { ...config, ...objectOf(config, 'text_config') },
      parameters: textParameterCount(spec) + visionParameters(spec),
      weightBits: weightBits(record, spec),
      kvBits: kvBits(textOf(record, 'kv_cache_dtype')),
      devices: (numberOf(record, 'tensor_parallel') ?? 1) * (numberOf(record, 'pipeline_parallel') ?? 1),
      ...device,
      // 0.9 is vLLM's default.
      utilization: numberOf(record, 'gpu_memory_utilization') ?? 0.9,
      maxModelLen: numberOf(record, 'max_model_len') ?? spec.contextLength,
      reportedKvGib: numberOf(reportedOf(record), 'kv_cache_gib'),
    };
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}

function visionParameters(spec: ModelSpec): number {
  let count = 0;
  for (const tensor of spec.vision?.tensors ?? []) count += elementCount(tensor);
  return count;
}

function deviceOf(
  text: string,
): Pick<VllmFacts, 'nominalBytes' | 'bandwidthBytesPerSecond' | 'peakOperationsPerSecond'> {
  const { name, poolBytes } = loggedDevice(text);
  const { memory, rates } = resolveHardware(name);
  return {
    nominalBytes: poolBytes ?? memory.nominalBytes,
    bandwidthBytesPerSecond: memory.bandwidthBytesPerSecond,
    peakOperationsPerSecond: rates.bf16 ?? rates.fp16 ?? rates.fp32 ?? 1e12,
  };
}

/**
 * Returns bits per weight by the name of the scheme, as a spreadsheet counts them: without scales and unquantised
 * layers.
 */
function weightBits(record: RawRecord, spec: ModelSpec): number {
  const named = (textOf(record, 'quantization') ?? '').toLowerCase();
  if (/awq|gptq|round|bitsandbytes|fp4|int4|w4a16/.test(named)) return 4;
  const stored = spec.quantization?.weights ?? null;
  if (stored !== null) return /8/.test(stored) ? 8 : 4;
  if (/fp8|int8|w8a8/.test(named)) return 8;
  return textOf(record, 'dtype') === 'float32' ? 32 : 16;
}

function kvBits(named: string | null): number {
  if (named === null || named === 'auto') return 16;
  return Number(/int(\d)/.exec(named)?.[1] ?? (named.includes('8') ? 8 : 16));
}
