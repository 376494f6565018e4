/** Facts of a deployment of vLLM that other engines do not have. */
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Deployment } from '../../deployment/deployment.ts';
import type { VllmSettings } from './defaults.ts';
import type { BlockLayout } from './kv-blocks.ts';
import type { VllmRelease } from './release.ts';
import type { ModelRunner } from './runner.ts';

export interface VllmDeployment extends Deployment {
  readonly release: VllmRelease;
  readonly settings: VllmSettings;
  readonly runner: ModelRunner;
  readonly layout: BlockLayout;
  readonly stages: number;
  /** Memory of a device that no process has taken when the engine looks first: all but its own CUDA context. */
  readonly freeAtStartBytes: number;
  /** Bytes for the cache of the tightest stage, before they are cut into blocks. */
  readonly availableBytes: number;
  /** Bytes for the cache of the stage that has the fewest. */
  readonly leastAvailableBytes: number;
  readonly blocks: number;
  /** Blocks that each group of the cache has, where some layers keep recurrent state; null where none does. */
  readonly stateBlocks: number | null;
  /** Cache of one sequence of this length in all stages together. */
  readonly wholeModelBytes: (contextTokens: number) => number;
  /** Bytes that the captured graphs exceed the device by; negative if they fit. */
  readonly captureShortBytes: number;
  /** CUDA graphs, whether or not this release subtracts them. */
  readonly graphBytes: number;
  /** Figures that the first stage prints as "Available KV cache memory", "Model loading took". */
  readonly startUp: {
    readonly availableBytes: number;
    readonly weightBytes: number;
    readonly fixed: readonly LedgerEntry[];
  };
}
