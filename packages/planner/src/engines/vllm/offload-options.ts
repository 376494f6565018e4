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
  /** Parts of names, such as `experts`, of the parameters that may move under --cpu-offload-gb; all where absent. */
  readonly offloadNames?: readonly string[] | undefined;
  /** The same for layers of groups. */
  readonly groupNames?: readonly string[] | undefined;
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
  /** Parts of names of the parameters that move; empty for all. */
  readonly names: readonly string[];
}

/** Groups win where both kinds are set and no backend is named. */
export function offloadSettings(options: OffloadOptions): OffloadSettings {
  const { cpuOffloadGib = 0, offloadBackend = 'auto', offloadGroupLayers = 0 } = options;
  const isGrouped = offloadGroupLayers > 0 && offloadBackend !== 'uva';
  if (!isGrouped && offloadBackend !== 'prefetch')
    return { readBytes: gibBytes(cpuOffloadGib), groups: null, names: options.offloadNames ?? [] };
  if (!isGrouped) return { readBytes: 0, groups: null, names: [] };
  return {
    readBytes: 0,
    names: options.groupNames ?? [],
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
  namesOption(
    {
      name: 'cpu-offload-params',
      flags: ['--cpu-offload-params'],
      words: 'parts of names of the parameters that --cpu-offload-gb moves, such as experts',
    },
    (offloadNames) => ({ offloadNames }),
    ({ offloadNames }) => offloadNames,
  ),
  namesOption(
    {
      name: 'offload-params',
      flags: ['--offload-params'],
      words: 'parts of names of the parameters that stay in host memory in offloaded layers',
    },
    (groupNames) => ({ groupNames }),
    ({ groupNames }) => groupNames,
  ),
];

/** Most names of a list, and the longest name. */
const namesMax = 64;

function namesOption(
  facts: Pick<OptionSpec<OffloadOptions>, 'name' | 'flags' | 'words'>,
  set: (names: readonly string[]) => OffloadOptions,
  get: (options: OffloadOptions) => readonly string[] | undefined,
): OptionSpec<OffloadOptions> {
  return {
    ...facts,
    value: '<names>',
    limit: 'segments of names such as experts or self_attn.qkv_proj, separated by spaces',
    field: null,
    takesWords: true,
    read: (text) => {
      const names = text.trim().split(/[\s,]+/);
      const areNames = names.every((name) => /^\w{1,64}(\.\w{1,64}){0,8}$/.test(name));
      return areNames && names.length <= namesMax ? set(names) : null;
    },
    write: (options) => get(options)?.join(' ') ?? null,
  };
}
