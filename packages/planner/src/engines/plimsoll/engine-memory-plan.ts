/** What is asked of the engine's memory, and the plan that answers it. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { Ledger, LedgerEntry } from '../../bytes/ledger.ts';
import type { MemoryBudget } from './budget.ts';
import type { BlockGroup } from './cache-layout.ts';
import type { PlacedRegion } from './placement.ts';
import type { PlacedCache, PlacedTensor } from './regions.ts';
import type { EngineOptions, EngineSettings } from './settings.ts';
import type { BufferLayout, HeadBufferName, StepBufferName } from './step-buffers.ts';

export interface EngineMemoryRequest {
  readonly spec: ModelSpec;
  /** What the whole process may take: `--memory N`, or what the machine has free. */
  readonly freeBytes: number;
  readonly options?: EngineOptions | undefined;
}

/** Where every weight lies and in which form. The loader executes it and nothing else. */
export interface StoragePlan {
  readonly tensors: readonly PlacedTensor[];
  /** Bytes of each arena, whole pages. */
  readonly arenaBytes: readonly number[];
  readonly weightBytes: number;
  /** Tensors held in a lower format than their file's. */
  readonly downgraded: number;
}

export interface EngineMemoryPlan {
  readonly spec: ModelSpec;
  readonly settings: EngineSettings;
  readonly budget: MemoryBudget;
  readonly storage: StoragePlan;
  /** Every region of every arena, in order: what the engine allocates. */
  readonly regions: readonly PlacedRegion[];
  readonly caches: readonly PlacedCache[];
  /** Layers that share block numbers, and how many blocks each group has. */
  readonly blockGroups: readonly (BlockGroup & { readonly blocks: number })[];
  /** Offsets inside the regions `step buffers` and `head buffers`. */
  readonly stepBuffers: BufferLayout<StepBufferName>;
  readonly headBuffers: BufferLayout<HeadBufferName>;
  readonly host: readonly LedgerEntry[];
  /** The same arenas as the draft model sees them; null without one. */
  readonly draft: EngineMemoryPlan | null;
  /** What is held once everything is allocated, and what is kept free. */
  readonly ledger: Ledger;
}
