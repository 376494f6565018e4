/** Lines of llama.cpp's log, and of programs that are built on it, as public issues of builds b1500 to b10500 have them. */
import { MiB } from '@plimsoll/foundation';
import type { Argument, LogFact, LogLine } from '../contract/log-line.ts';
import type { PlannedFigure } from '../contract/start-log.ts';

export const llamaCppLogLines: readonly LogLine[] = [
  { words: 'llama_model_loader: loaded meta data with ', isMark: true, read: modelLine },
  {
    words: "load_model: loading model '",
    isMark: true,
    read: (line, at) => named(line, at, /loading model '([^']+)'/),
  },
  {
    words: "failed to create context with model '",
    isMark: true,
    read: (line, at) => named(line, at, /with model '([^']+)'/),
  },
  {
    words: 'build: ',
    isMark: false,
    read: (line, at) => buildLine(line, at, /^build: (\d{3,6}) \([0-9a-f]{6,}/),
  },
  {
    words: 'version: ',
    isMark: false,
    read: (line, at) => buildLine(line, at, /^version: (?:\S{1,20} \(build )?(\d{3,6})[ ,(]/),
  },
  setting('n_ctx ', /n_ctx\s+= (\d+)/, 'ctx-size'),
  setting('n_seq_max ', /n_seq_max\s+= (\d+)/, 'parallel'),
  setting('n_batch ', /n_batch\s+= (\d+)/, 'batch-size'),
  setting('n_ubatch ', /n_ubatch\s+= (\d+)/, 'ubatch-size'),
  setting('flash_attn ', /flash_attn\s+= (\w+)/, 'flash-attn'),
  setting("type_k = '", /type_k = '(\w+)'/, 'cache-type-k'),
  setting("type_v = '", /type_v = '(\w+)'/, 'cache-type-v'),
  setting('offloaded ', /offloaded (\d+)\/\d+ layers to GPU/, 'n-gpu-layers'),
  {
    words: '  Device ',
    isMark: false,
    read: (line, at) => {
      const [, index, name] =
        /Device (\d{1,2}): ([^,]{3,80}), (?:compute capability|gfx)/.exec(line.slice(at, at + 160)) ?? [];
      return name === undefined ? null : { device: { index: Number(index), name } };
    },
  },
  {
    words: 'using device ',
    isMark: true,
    read: (line, at) => {
      const [, index, name, free] =
        /using device [A-Za-z]+(\d{0,2}) \((.{3,80}?)\)(?: \([^)]{0,40}\))? - (\d+) MiB free/.exec(
          line.slice(at, at + 200),
        ) ?? [];
      return name === undefined
        ? null
        : { device: { index: Number(index), name }, deviceBytes: Number(free) * MiB };
    },
  },
  {
    // `  - ROCm0   : AMD Radeon RX 7900 XTX (24560 MiB, 24510 MiB free)`, of builds from b9500.
    words: ' MiB free)',
    isMark: false,
    read: (line, at) => {
      const [, index, name, free] =
        /- [A-Za-z]+(\d{1,2})\s+: (.{3,80}?) \(\d+ MiB, (\d+) MiB free\)/.exec(
          line.slice(Math.max(0, at - 140), at + 10),
        ) ?? [];
      return name === undefined
        ? null
        : { device: { index: Number(index), name }, deviceBytes: Number(free) * MiB };
    },
  },
  buffer('model buffer size', 'weights', { category: 'weights' }),
  {
    // Builds before b4500.
    words: 'llm_load_tensors: ',
    isMark: true,
    read: (line, at) => {
      const pattern = /^llm_load_tensors:\s+(.{1,60}?) buffer size =\s+([\d.]+) MiB/;
      const [, part, size] = pattern.exec(line.slice(at, at + 160)) ?? [];
      if (part === undefined || /^CPU|_Host/.test(part)) return null;
      const printed = Number(size) / 1024;
      return {
        figures: [
          { figure: 'weights', unit: 'GiB', printed, planned: { category: 'weights' }, part, addsUp: true },
        ],
      };
    },
  },
  buffer('KV buffer size', 'kvCache', { category: 'kv-cache' }),
  buffer('RS buffer size', 'state', { category: 'state' }),
  buffer('compute buffer size', 'compute', { category: 'workspace', tag: 'compute buffer' }),
  {
    words: 'Device memory allocation of size ',
    isMark: false,
    read: (line, at) => {
      const [, size] = /of size (\d+) failed/.exec(line.slice(at, at + 80)) ?? [];
      if (size === undefined) return null;
      const amount = (Number(size) / MiB).toFixed(1);
      return {
        error: {
          code: 'out-of-memory',
          message: `the device ran out of memory: ${amount} MiB were asked for`,
        },
      };
    },
  },
  { words: 'cudaMalloc failed: out of memory', isMark: false, read: allocationError },
  { words: 'failed to allocate ', isMark: false, read: bufferError },
  { words: 'unable to allocate ', isMark: true, read: bufferError },
  {
    words: 'failed to fit params to free device memory',
    isMark: true,
    read: (line, at) =>
      // Flags of the command that are too large are tried all the same.
      line.includes('already set by user', at)
        ? null
        : {
            error: {
              code: 'memory-short',
              message: 'no context and no number of layers on the device fits into the free memory',
              isConsequence: true,
            },
          },
  },
  {
    words: 'error loading model: ',
    isMark: true,
    read: (line, at) => ({
      error: {
        code: 'model-not-loaded',
        message: `the model was not loaded: ${line
          .slice(at + 'error loading model: '.length)
          .trim()
          .slice(0, 160)}`,
        isConsequence: true,
      },
    }),
  },
];

/** `loaded meta data with 34 key-value pairs and 771 tensors from /models/name.gguf (version GGUF V3)`. */
function modelLine(line: string, at: number): LogFact | null {
  const fact = named(line, at, /tensors from (.{1,400}?) \(version GGUF/);
  return fact === null ? null : { ...fact, isStart: true };
}

function named(line: string, at: number, pattern: RegExp): LogFact | null {
  const model = pattern.exec(line.slice(at, at + 600))?.[1];
  // A blob of a registry has no name.
  return model === undefined || /sha256-[0-9a-f]{16}/.test(model) ? null : { model };
}

function buildLine(line: string, at: number, pattern: RegExp): LogFact | null {
  const build = pattern.exec(line.slice(at, at + 60))?.[1];
  return build === undefined ? null : { release: `b${build}` };
}

/** What later builds print for a choice, by the words of the command line. */
const plainWords: Readonly<Record<string, string>> = { enabled: 'on', disabled: 'off' };

/** A setting that the context prints as `name = value`. */
function setting(words: string, pattern: RegExp, flag: string): LogLine {
  return {
    words,
    isMark: false,
    read: (line, at) => {
      const printed = pattern.exec(line.slice(at, at + 80))?.[1];
      const value = printed === undefined ? undefined : (plainWords[printed] ?? printed);
      const settled: readonly Argument[] = value === undefined ? [] : [[flag, value]];
      return settled.length === 0 ? null : { settled };
    },
  };
}

/** `CUDA0 model buffer size = 123.45 MiB`: one line for each device and one for the host. */
function buffer(words: string, figure: string, planned: PlannedFigure): LogLine {
  return {
    words,
    isMark: true,
    read: (line, at) => {
      const size = Number(/^[\w ]{4,24} =\s+([\d.]+) MiB/.exec(line.slice(at, at + 60))?.[1] ?? Number.NaN);
      const part = /(\S+)\s+$/.exec(line.slice(Math.max(0, at - 60), at))?.[1];
      if (!Number.isFinite(size) || part === undefined || /^CPU|_Host$|^Host|^host/.test(part)) return null;
      // A device has one compute buffer, and a buffer for each kind of cache and each mapped file.
      const addsUp = figure !== 'compute';
      return { figures: [{ figure, unit: 'GiB', printed: size / 1024, planned, part, addsUp }] };
    },
  };
}

/** `allocating 12345.67 MiB on device 0: cudaMalloc failed: out of memory`. */
function allocationError(line: string, at: number): LogFact {
  const [, amount, device] =
    /allocating ([\d.]+) MiB on device (\d+)/.exec(line.slice(Math.max(0, at - 120), at)) ?? [];
  const asked = amount === undefined ? '' : `: ${amount} MiB were asked for on device ${device}`;
  return { error: { code: 'out-of-memory', message: `the device ran out of memory${asked}` } };
}

/** `failed to allocate CUDA0 buffer of size 123456`, and what follows from it. */
function bufferError(line: string, at: number): LogFact | null {
  const text = line.slice(at, at + 160);
  const [, device, size] = /allocate (\S{1,40}) buffer(?: of size (\d+))?/.exec(text) ?? [];
  const isCache = /for kv cache|compute buffers|buffer/.test(text);
  if (device === undefined && !isCache) return null;
  const amount = size === undefined ? '' : ` of ${(Number(size) / MiB).toFixed(1)} MiB`;
  return {
    error: {
      code: 'out-of-memory',
      message: `a buffer${amount}${device === undefined || device === 'buffer' ? '' : ` on ${device}`} was not allocated: the memory is too small for it`,
      isConsequence: size === undefined,
    },
  };
}
