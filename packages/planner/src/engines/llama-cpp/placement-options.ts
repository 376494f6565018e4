/** Flags of llama-server that decide where weights and caches lie. */
import { countOption, type OptionSpec, switchOption, textOf } from '../contract/option-spec.ts';

export type SplitMode = 'none' | 'layer' | 'row' | 'tensor';

/** One `pattern=buffer` of `--override-tensor`. */
export interface TensorOverride {
  readonly pattern: string;
  /** As typed: CPU, CUDA0, CUDA1, ... */
  readonly buffer: string;
}

export interface PlacementOptions {
  /** Share of each device, in any unit. */
  readonly tensorSplit?: readonly number[] | undefined;
  readonly splitMode?: SplitMode | undefined;
  /** Index of the device that `--split-mode none` uses. */
  readonly mainDevice?: number | undefined;
  readonly tensorOverrides?: readonly TensorOverride[] | undefined;
  /** Names of the devices to use; an empty list for none. */
  readonly deviceNames?: readonly string[] | undefined;
  /** False keeps caches in host memory. */
  readonly offloadsCache?: false | undefined;
  /** False runs operations on weights in host memory on the CPU, whatever the batch. */
  readonly offloadsOperations?: false | undefined;
  /** False reads weights instead of mapping the file. */
  readonly mapsFile?: false | undefined;
  readonly repacksWeights?: false | undefined;
  /** False keeps layers and context as asked, whether they fit or not. */
  readonly fit?: boolean | undefined;
  /** MiB that a fit leaves free on each device; a single number counts for every device. */
  readonly fitMarginMib?: readonly number[] | undefined;
  /** Shortest context to which a fit reduces an open context. */
  readonly fitContextMin?: number | undefined;
}

const splitModes: readonly SplitMode[] = ['none', 'layer', 'row', 'tensor'];

/** llama.cpp has at most this many devices (GGML_SCHED_MAX_BACKENDS). */
const deviceCountMax = 16;
const overrideCountMax = 256;

export const placementOptions: readonly OptionSpec<PlacementOptions>[] = [
  {
    name: 'ts',
    flags: ['-ts', '--tensor-split'],
    value: '<shares>',
    words: 'share of each device, such as 3,1',
    limit: `up to ${deviceCountMax} numbers, separated by commas`,
    field: 'text',
    read: (text) => {
      const tensorSplit = numbersOf(text);
      if (tensorSplit === null || !tensorSplit.some((share) => share > 0)) return null;
      return { tensorSplit };
    },
    write: ({ tensorSplit }) => listText(tensorSplit),
  },
  {
    name: 'sm',
    flags: ['-sm', '--split-mode'],
    value: '<mode>',
    words: 'how several devices share a model',
    limit: splitModes.join(', '),
    field: splitModes,
    read: (text) => {
      const splitMode = splitModes.find((mode) => mode === text.trim());
      return splitMode === undefined ? null : { splitMode };
    },
    write: ({ splitMode }) => textOf(splitMode),
  },
  countOption<PlacementOptions>(
    {
      name: 'mg',
      flags: ['-mg', '--main-gpu'],
      value: '<index>',
      words: 'the device that --split-mode none uses',
      least: 0,
    },
    (mainDevice) => ({ mainDevice }),
    ({ mainDevice }) => mainDevice,
  ),
  {
    name: 'ot',
    flags: ['-ot', '--override-tensor'],
    value: '<pattern=buffer>',
    words: 'buffers of tensors whose names match, such as exps=CPU',
    limit: 'regular expressions with the names of buffers, separated by commas: exps=CPU,blk\\.1\\.=CUDA1',
    field: null,
    repeats: ',',
    read: (text) => {
      const tensorOverrides = overridesOf(text);
      return tensorOverrides === null ? null : { tensorOverrides };
    },
    write: ({ tensorOverrides }) =>
      tensorOverrides?.map(({ pattern, buffer }) => `${pattern}=${buffer}`).join(',') ?? null,
  },
  {
    name: 'device',
    flags: ['-dev', '--device'],
    value: '<names>',
    words: 'devices to use, such as CUDA0,CUDA1, or none',
    limit: 'names as --list-devices prints them, separated by commas, or none',
    field: null,
    read: (text) => {
      const names = text.split(',').map((name) => name.trim());
      if (!names.every((name) => /^[A-Za-z]+\d*$/.test(name))) return null;
      return { deviceNames: text.trim() === 'none' ? [] : names };
    },
    write: ({ deviceNames }) =>
      deviceNames === undefined ? null : deviceNames.length === 0 ? 'none' : deviceNames.join(','),
  },
  switchOption<PlacementOptions>(
    { name: 'nkvo', flags: ['-nkvo', '--no-kv-offload'], words: 'keep caches in host memory' },
    { offloadsCache: false },
    ({ offloadsCache }) => offloadsCache === false,
  ),
  switchOption<PlacementOptions>(
    {
      name: 'no-op-offload',
      flags: ['--no-op-offload'],
      words: 'GPUs copy no weights from host memory for large batches',
    },
    { offloadsOperations: false },
    ({ offloadsOperations }) => offloadsOperations === false,
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
  {
    name: 'fit',
    flags: ['-fit', '--fit'],
    value: '<on|off>',
    words: 'move layers to host memory until the rest fits',
    limit: 'on or off',
    field: ['on', 'off'],
    read: (text) => {
      const word = text.trim().toLowerCase();
      return word === 'on' || word === 'off' ? { fit: word === 'on' } : null;
    },
    write: ({ fit }) => (fit === undefined ? null : fit ? 'on' : 'off'),
  },
  {
    name: 'fit-target',
    flags: ['-fitt', '--fit-target'],
    value: '<MiB>',
    words: 'memory that --fit leaves free, for all devices or for each: 1024 or 2048,512',
    limit: `up to ${deviceCountMax} numbers of MiB, separated by commas`,
    field: null,
    read: (text) => {
      const fitMarginMib = numbersOf(text);
      return fitMarginMib === null ? null : { fitMarginMib };
    },
    write: ({ fitMarginMib }) => listText(fitMarginMib),
  },
  countOption<PlacementOptions>(
    {
      name: 'fit-ctx',
      flags: ['-fitc', '--fit-ctx'],
      value: '<tokens>',
      words: 'shortest context to which --fit reduces',
    },
    (fitContextMin) => ({ fitContextMin }),
    ({ fitContextMin }) => fitContextMin,
  ),
];

function numbersOf(text: string): readonly number[] | null {
  const parts = text.split(/[,/]/).map((part) => part.trim());
  const isList = parts.length <= deviceCountMax && parts.every((part) => /^\d{1,9}(\.\d{1,9})?$/.test(part));
  return isList ? parts.map(Number) : null;
}

function listText(numbers: readonly number[] | undefined): string | null {
  return numbers === undefined ? null : numbers.join(',');
}

function overridesOf(text: string): readonly TensorOverride[] | null {
  const parts = text.split(',');
  const overrides = parts.flatMap((part): readonly TensorOverride[] => {
    const equals = part.lastIndexOf('=');
    const pattern = part.slice(0, equals);
    const buffer = part.slice(equals + 1).trim();
    return equals > 0 && /^[A-Za-z]\w*$/.test(buffer) && isPattern(pattern) ? [{ pattern, buffer }] : [];
  });
  return overrides.length === parts.length && parts.length <= overrideCountMax ? overrides : null;
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern).source !== '';
  } catch {
    return false;
  }
}
