/**
 * What each kind of tensor may be held in. A kind is a TensorRole; its capability names the formats that the kernels
 * accept for it and the floor below which its quality is not given away, whatever the budget. Data, not logic: the
 * storage plan in `storage-plan.ts` is the only reader.
 */
import type { TensorRole, TensorSpec } from '@plimsoll/model-files/spec';
import { type StorageFormat, storageFormats } from './storage-format.ts';

export interface Capability {
  readonly formats: readonly StorageFormat[];
  /** The lowest format a downgrade may reach. What a file already holds lower stays as it is. */
  readonly floor: StorageFormat;
}

const matrix: Capability = { formats: storageFormats, floor: 'q4_0' };
/** Heads, value and key projections: small, and errors in them reach everything. */
const delicate: Capability = { formats: storageFormats, floor: 'q6_K' };
const narrow: Capability = { formats: ['f32', 'bf16', 'f16'], floor: 'f16' };
/** Norms, biases, convolutions and recurrent parameters: the kernels read them as f32 and they are a few kilobytes. */
const plain: Capability = { formats: ['f32'], floor: 'f32' };

const byRole: Readonly<Record<TensorRole, Capability>> = {
  'token-embedding': matrix,
  'position-embedding': narrow,
  'lm-head': delicate,
  norm: plain,
  'attention-q': matrix,
  'attention-k': delicate,
  'attention-v': delicate,
  'attention-qkv': matrix,
  'attention-output': matrix,
  'attention-sink': plain,
  'mla-q-down': matrix,
  'mla-q-up': matrix,
  'mla-kv-down': delicate,
  'mla-kv-up': delicate,
  indexer: matrix,
  compressor: matrix,
  'linear-in': matrix,
  'linear-conv': plain,
  'linear-state': plain,
  'linear-output': matrix,
  'ssm-in': matrix,
  'ssm-conv': plain,
  'ssm-state': plain,
  'ssm-output': matrix,
  'mlp-gate': matrix,
  'mlp-up': matrix,
  'mlp-gate-up': matrix,
  'mlp-down': matrix,
  router: narrow,
  'expert-gate': matrix,
  'expert-up': matrix,
  'expert-gate-up': matrix,
  'expert-down': matrix,
  'shared-expert-gate': matrix,
  'shared-expert-up': matrix,
  'shared-expert-gate-up': matrix,
  'shared-expert-down': matrix,
  'layer-input': matrix,
  vision: plain,
  projector: plain,
  other: plain,
};

/** The capability of one tensor. Vectors are plain whatever their role; a table that is also the head is as delicate. */
export function capabilityOf(tensor: TensorSpec, tiedEmbeddings: boolean): Capability {
  if (tensor.shape.length < 2) return plain;
  if (tensor.role === 'token-embedding' && tiedEmbeddings) return delicate;
  return byRole[tensor.role];
}

/** Experts lie apart from their layer, one by one, because a stack of them can be larger than an arena. */
export function isExpert(role: TensorRole): boolean {
  return (
    role === 'expert-gate' || role === 'expert-up' || role === 'expert-gate-up' || role === 'expert-down'
  );
}
