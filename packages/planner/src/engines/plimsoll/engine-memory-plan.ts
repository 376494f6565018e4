/** A request for the engine's memory, and the plan that answers it. */
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
  /** Bytes that the whole process may take: `--memory N`, or the free memory of the machine. */
  readonly freeBytes: number;
  readonly options?: EngineOptions | undefined;
}

/** Place and format of every weight. The loader executes exactly this plan. */
export interface StoragePlan {
  readonly tensors: readonly PlacedTensor[];
  /** Bytes of each arena, whole pages. */
  readonly arenaBytes: readonly number[];
  readonly weightBytes: number;
  /** Number of tensors that are held in a lower format than in their file. */
  readonly downgraded: number;
}

export interface EngineMemoryPlan {
  readonly spec: ModelSpec;
  readonly settings: EngineSettings;
  readonly budget: MemoryBudget;
  readonly storage: StoragePlan;
  /** Every region of every arena, in order; the engine allocates exactly these. */
  readonly regions: readonly PlacedRegion[];
  readonly caches: readonly PlacedCache[];
  /** Layers that share block numbers, with the number of blocks of each group. */
  readonly blockGroups: readonly (BlockGroup & { readonly blocks: number })[];
  /** Offsets inside the regions `step buffers` and `head buffers`. */
  readonly stepBuffers: BufferLayout<StepBufferName>;
  readonly headBuffers: BufferLayout<HeadBufferName>;
  /** Entries in host memory. */
  readonly host: readonly LedgerEntry[];
  /** The same arenas as the draft model reads them; null without a draft. */
  readonly draft: EngineMemoryPlan | null;
  /** All bytes that the engine holds after allocation, and the bytes that it keeps free. */
  readonly ledger: Ledger;
}
