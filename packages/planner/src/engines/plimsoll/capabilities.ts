/**
 * The formats in which each kind of tensor may be held. A kind is a TensorRole; its capability lists the formats that
 * the kernels accept, and the lowest format that any budget may lead to. Data, not logic: only `weight-storage.ts`
 * reads it.
 */
import type { TensorRole, TensorSpec } from '@plimsoll/model-files/spec';
import { type StorageFormat, storageFormats } from './storage-format.ts';

export interface Capability {
  readonly formats: readonly StorageFormat[];
  /** The lowest format that a downgrade may reach. A tensor that is lower in its file stays as it is. */
  readonly floor: StorageFormat;
}

const matrix: Capability = { formats: storageFormats, floor: 'q4_0' };
/** Heads, value and key projections: they are small, and their errors affect every later result. */
const delicate: Capability = { formats: storageFormats, floor: 'q6_K' };
const narrow: Capability = { formats: ['f32', 'bf16', 'f16'], floor: 'f16' };
/**
 * Norms, biases, convolutions and recurrent parameters: the kernels read them as f32, and they take a few kilobytes.
 */
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
  'draft-input': matrix,
  vision: plain,
  projector: plain,
  other: plain,
};

/**
 * Returns the capability of a tensor. A vector of any role is plain; an embedding table that is also the head is as
 * delicate as a head.
 */
export function capabilityOf(tensor: TensorSpec, tiedEmbeddings: boolean): Capability {
  if (tensor.shape.length < 2) return plain;
  if (tensor.role === 'token-embedding' && tiedEmbeddings) return delicate;
  return byRole[tensor.role];
}

/**
 * Returns true for tensors of experts. Experts are placed one by one outside their layer's unit, because a stack of
 * them can exceed an arena.
 */
export function isExpert(role: TensorRole): boolean {
  return (
    role === 'expert-gate' || role === 'expert-up' || role === 'expert-gate-up' || role === 'expert-down'
  );
}
