/** What the graphs of attention take: the surroundings of a layer, and its queries, keys and values. */
import type { AttentionSpec } from '@plimsoll/model-files/spec';
import type { FamilyTraits } from '../family-traits.ts';
import type { CacheInputs, IndexerInputs, WorstCase } from './graph-inputs.ts';
import type { GraphOperations } from './graph-operations.ts';
import type { GraphTensor } from './graph-tensor.ts';

/** Inputs that block-sparse layers share. */
export interface BlockInputs {
  readonly indexerRows: GraphTensor;
  /** Marks the blocks near each token, which are always read. */
  readonly nearBlocks: GraphTensor;
  readonly visible: GraphTensor;
  readonly cellOfPosition: GraphTensor;
  readonly blockOfCell: GraphTensor;
  /** The mask of the cache in F32. */
  readonly fullMask: GraphTensor;
}

export interface AttentionContext {
  readonly operations: GraphOperations;
  readonly traits: FamilyTraits;
  readonly worst: WorstCase;
  readonly positions: GraphTensor;
  /** The cache that this layer reads. */
  readonly cache: CacheInputs;
  /** Backend the attention is pinned to when caches are kept off the devices. */
  readonly pinnedTo: number | null;
  /** Inputs of block-sparse layers. */
  readonly blocks: () => BlockInputs;
  /** Inputs of layers with a lightning indexer, by the size of its keys. */
  readonly indexer: (headDim: number) => IndexerInputs;
}

export type HeadAttention = Extract<AttentionSpec, { readonly kvHeads: number }>;

/** Inputs of attention. A null key or value means that the layer reads the cache of an earlier layer. */
export interface AttentionParts {
  readonly query: GraphTensor;
  readonly key: GraphTensor | null;
  readonly value: GraphTensor | null;
}
