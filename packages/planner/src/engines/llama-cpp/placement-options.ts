/** Flags of llama-server that decide where weights and caches lie. */
import { type OptionSpec, switchOption } from '../contract/option-spec.ts';

export interface PlacementOptions {
  /** False keeps caches in host memory. */
  readonly offloadsCache?: false | undefined;
  /** False reads weights instead of mapping the file. */
  readonly mapsFile?: false | undefined;
  readonly repacksWeights?: false | undefined;
}

export const placementOptions: readonly OptionSpec<PlacementOptions>[] = [
  switchOption<PlacementOptions>(
    { name: 'nkvo', flags: ['-nkvo', '--no-kv-offload'], words: 'keep caches in host memory' },
    { offloadsCache: false },
    ({ offloadsCache }) => offloadsCache === false,
  ),
  switchOption<PlacementOptions>(
    { name: 'no-mmap', flags: ['--no-mmap'], words: 'read weights instead of mapping the file' },
    { mapsFile: false },
    ({ mapsFile }) => mapsFile === false,
  ),
  switchOption<PlacementOptions>(
    { name: 'no-repack', flags: ['--no-repack', '-nr'], words: 'no repacked copy of weights on a CPU' },
    { repacksWeights: false },
    ({ repacksWeights }) => repacksWeights === false,
  ),
];
