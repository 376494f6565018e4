/**
 * Predicts a log record: the keys of `reported`, from the options that the record states. Of `reported` only the names of
 * buffers are read. They tell the number of devices, whether weights were mapped, and whether the CPU kept a repacked copy;
 * no other field of a log has these facts.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { modelNameCandidates } from '../../gguf-recipes/model-name.ts';
import { type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import type { BufferSizes, LlamaCppRecord } from './log-record.ts';
import { type BufferNames, bufferNames } from './record-buffers.ts';
import { recordInput } from './record-input.ts';
import { specFromHparams } from './spec-from-hparams.ts';
import { knownWeights } from './weights-known.ts';

export interface PredictedLog {
  readonly model_buffers_mib: BufferSizes;
  readonly kv_buffers_mib: BufferSizes;
  readonly kv_self_size_mib: number;
  readonly compute_buffers_mib: BufferSizes;
  readonly output_buffer_mib: number;
  readonly rs_buffers_mib?: BufferSizes;
}

export type RecordPrediction =
  | {
      readonly supported: true;
      readonly predicted: PredictedLog;
      /** Options that the log does not state, with the assumed values. */
      readonly assumptions: readonly string[];
    }
  | { readonly supported: false; readonly reason: string };

export interface PredictOptions {
  /** The registry's model for a name in a log, or null. */
  readonly resolveSpec: (name: string) => ModelSpec | null;
  /** Memory of a device by its name in a log; unequal devices get layers in this proportion. Null if unknown. */
  readonly deviceBytes?: (name: string) => number | null;
}

export function predictLlamaCppRecord(record: LlamaCppRecord, options: PredictOptions): RecordPrediction {
  try {
    const spec = recordSpec(record, options);
    const names = bufferNames(record);
    const weights = knownWeights(record, spec);
    const request = { record, spec, names, fileType: weights.fileType, deviceBytes: options.deviceBytes };
    const { input, assumptions } = recordInput(request);
    const predicted = predictedLog(input, names);
    if (weights.unknownBecause === null) return { supported: true, predicted, assumptions };
    return {
      supported: true,
      predicted: { ...predicted, model_buffers_mib: {} },
      assumptions: [...assumptions, `no prediction of weights: ${weights.unknownBecause}`],
    };
  } catch (error) {
    if (error instanceof PlimsollError) return { supported: false, reason: error.message };
    throw error;
  }
}

/** Uses the registry's model where it agrees with the stated hyper-parameters, else the hyper-parameters alone. */
function recordSpec(record: LlamaCppRecord, options: PredictOptions): ModelSpec {
  for (const name of modelNameCandidates(record.model)) {
    const known = options.resolveSpec(name);
    if (known !== null && agrees(known, record)) return known;
  }
  return specFromHparams(record);
}

function agrees(spec: ModelSpec, { hparams }: LlamaCppRecord): boolean {
  const layers = spec.layers.length;
  const withPrediction = layers + spec.predictionLayers.length;
  const states = hparams.n_layer === null || hparams.n_layer === layers || hparams.n_layer === withPrediction;
  const vocabulary = hparams.n_vocab === null || Math.abs(hparams.n_vocab - spec.vocabSize) <= 512;
  return states && vocabulary && (hparams.n_embd === null || hparams.n_embd % spec.hiddenSize === 0);
}

const bytesPerMib = 1024 ** 2;

function predictedLog(input: LlamaCppInput, names: BufferNames): PredictedLog {
  const memory = engineMemory(input);
  const state = perBackend(memory, names, (backend) => backend.state, 'state');
  const cache = perBackend(memory, names, (backend) => backend.cache, 'cache');
  return {
    model_buffers_mib: weightBuffers(memory, names),
    kv_buffers_mib: cache,
    kv_self_size_mib: Object.values(cache).reduce((sum, size) => sum + size, 0),
    compute_buffers_mib: perBackend(memory, names, (backend) => backend.compute, 'compute'),
    output_buffer_mib: memory.outputBytes / bytesPerMib,
    ...(Object.keys(state).length > 0 && { rs_buffers_mib: state }),
  };
}

function weightBuffers(memory: EngineMemory, names: BufferNames): BufferSizes {
  const sizes: Record<string, number> = {};
  memory.model.devices.forEach((bytes, device) => {
    addSize(sizes, names.weights[device] ?? `device ${device}`, bytes);
  });
  addSize(sizes, names.hostWeights, memory.model.host.mapped + memory.model.host.plain);
  addSize(sizes, names.repackedWeights, memory.model.host.repacked);
  return sizes;
}

function perBackend(
  memory: EngineMemory,
  names: BufferNames,
  bytesOf: (backend: EngineMemory['host']) => number,
  kind: 'cache' | 'state' | 'compute',
): BufferSizes {
  const sizes: Record<string, number> = {};
  memory.devices.forEach((backend, device) => {
    addSize(sizes, names.devices[device] ?? `device ${device}`, bytesOf(backend));
  });
  addSize(sizes, kind === 'compute' ? names.hostCompute : names.hostCache, bytesOf(memory.host));
  return sizes;
}

function addSize(sizes: Record<string, number>, name: string, bytes: number): void {
  if (bytes > 0) sizes[name] = (sizes[name] ?? 0) + bytes / bytesPerMib;
}
