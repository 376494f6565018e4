/** Flags of vLLM that keep weights in host memory (vllm/config/offload.py). */
import { choiceOption, countOption, type OptionSpec, textOf } from '../contract/option-spec.ts';
import { gibBytes, gibOf } from './memory-options.ts';

export interface OffloadOptions {
  /** GiB of weights that a device leaves in host memory. */
  readonly cpuOffloadGib?: number | undefined;
  readonly offloadBackend?: OffloadBackend | undefined;
  /** Layers of one group, whose last layers stay in host memory; 0 turns this off. */
  readonly offloadGroupLayers?: number | undefined;
  readonly offloadedInGroup?: number | undefined;
  /** Layers that are copied ahead, each into a buffer of its own. */
  readonly prefetchedLayers?: number | undefined;
}

type OffloadBackend = 'auto' | 'uva' | 'prefetch';

const backends: readonly OffloadBackend[] = ['auto', 'uva', 'prefetch'];

export interface OffloadSettings {
  /** Bytes of parameters that a device reads from host memory in each step. */
  readonly readBytes: number;
  /** Groups of layers whose last layers are copied ahead of their use; null if none are. */
  readonly groups: {
    readonly layers: number;
    readonly offloaded: number;
    readonly prefetched: number;
  } | null;
}

/** Groups win where both kinds are set and no backend is named. */
export function offloadSettings(options: OffloadOptions): OffloadSettings {
  const { cpuOffloadGib = 0, offloadBackend = 'auto', offloadGroupLayers = 0 } = options;
  const isGrouped = offloadGroupLayers > 0 && offloadBackend !== 'uva';
  if (!isGrouped && offloadBackend !== 'prefetch')
    return { readBytes: gibBytes(cpuOffloadGib), groups: null };
  if (!isGrouped) return { readBytes: 0, groups: null };
  return {
    readBytes: 0,
    groups: {
      layers: offloadGroupLayers,
      offloaded: options.offloadedInGroup ?? 1,
      prefetched: options.prefetchedLayers ?? 1,
    },
  };
}

export const offloadOptions: readonly OptionSpec<OffloadOptions>[] = [
  {
    name: 'cpu-offload-gb',
    flags: ['--cpu-offload-gb'],
    words: 'GiB of weights in host memory',
    value: '<gib>',
    limit: 'a number of GiB, such as 13 or 2.5',
    field: null,
    read: (text) => {
      const cpuOffloadGib = gibOf(text);
      return cpuOffloadGib === null ? null : { cpuOffloadGib };
    },
    write: ({ cpuOffloadGib }) => textOf(cpuOffloadGib),
  },
  choiceOption<OffloadOptions>(
    {
      name: 'offload-backend',
      flags: ['--offload-backend'],
      choices: backends,
      words: 'how weights in host memory are read',
    },
    (choice) => ({ offloadBackend: backends.find((backend) => backend === choice) }),
    ({ offloadBackend }) => offloadBackend,
  ),
  countOption<OffloadOptions>(
    {
      name: 'offload-group-size',
      flags: ['--offload-group-size'],
      words: 'layers of a group, whose last layers stay in host memory',
      least: 0,
    },
    (offloadGroupLayers) => ({ offloadGroupLayers }),
    ({ offloadGroupLayers }) => offloadGroupLayers,
  ),
  countOption<OffloadOptions>(
    {
      name: 'offload-num-in-group',
      flags: ['--offload-num-in-group'],
      words: 'layers of each group that stay in host memory',
    },
    (offloadedInGroup) => ({ offloadedInGroup }),
    ({ offloadedInGroup }) => offloadedInGroup,
  ),
  countOption<OffloadOptions>(
    {
      name: 'offload-prefetch-step',
      flags: ['--offload-prefetch-step'],
      words: 'layers that are copied ahead',
    },
    (prefetchedLayers) => ({ prefetchedLayers }),
    ({ prefetchedLayers }) => prefetchedLayers,
  ),
];
