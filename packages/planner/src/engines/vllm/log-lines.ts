/** Lines of vLLM's log beside the figures of start-log.ts, as logs of releases 0.6 to 0.29 in public issues have them. */
import { GiB } from '@plimsoll/foundation';
import type { Argument, LogLine } from '../contract/log-line.ts';
import { numberLine, torchOutOfMemory } from '../contract/log-numbers.ts';
import { printedArguments } from '../contract/printed-arguments.ts';

export const vllmLogLines: readonly LogLine[] = [
  {
    words: 'vLLM API server version ',
    isMark: true,
    read: (line, at) => ({ isStart: true, ...releaseAt(line, at + 'vLLM API server version '.length) }),
  },
  {
    // The banner of releases from 0.16: two of its lines have words.
    words: '█  version ',
    isMark: true,
    read: (line, at) => ({ isStart: true, ...releaseAt(line, at + '█  version '.length) }),
  },
  {
    words: '█  model   ',
    isMark: true,
    read: (line, at) => {
      const model = line.slice(at + '█  model   '.length).trim();
      return model === '' ? null : { model };
    },
  },
  { words: 'non-default args: ', isMark: true, read: (line, at) => given(printedArguments(line, at + 18)) },
  { words: ' args: Namespace(', isMark: true, read: (line, at) => given(printedArguments(line, at + 17)) },
  engineLine('LLM engine (v'),
  engineLine('LLM engine (version '),
  // What the log of a container begins with where the command is echoed.
  { words: 'vllm serve ', isMark: true, read: () => null },
  { words: 'total_gpu_memory=', isMark: true, read: (line, at) => capacityAt(line, at + 17) },
  {
    words: 'Free memory on device ',
    isMark: true,
    read: (line, at) => {
      const pattern = /\(([\d.]+)\/([\d.]+) GiB\).{0,80}?utilization \(([\d.]+), ([\d.]+) GiB\)/;
      const [, free, total, share, wanted] = pattern.exec(line.slice(at, at + 300)) ?? [];
      if (free === undefined || total === undefined) return null;
      const most = Math.floor((100 * Number(free)) / Number(total)) / 100;
      return {
        deviceBytes: Number(total) * GiB,
        error: {
          code: 'share-above-free',
          message: `--gpu-memory-utilization ${share} asks for ${wanted} GiB, and ${free} of ${total} GiB are free: another process holds the rest`,
          missingBytes: (Number(wanted) - Number(free)) * GiB,
          tries: most > 0 ? [['--gpu-memory-utilization', String(most)]] : [],
          shareFlag: '--gpu-memory-utilization',
          ...(most > 0 && { shareMax: most }),
        },
      };
    },
  },
  numberLine(
    "model's max seq len (#) is larger than the maximum number of tokens that can be stored in KV cache (#)",
    true,
    ([length = 0, tokens = 0]) => ({
      figures: [{ figure: 'kvTokens', unit: 'tokens', printed: tokens, planned: 'kvTokens' }],
      error: lengthError(length, `the cache holds ${tokens} tokens`, tokens),
    }),
  ),
  {
    words: 'To serve at least one request with the model',
    isMark: true,
    read: (line, at) => {
      const text = line.slice(at, at + 600);
      const [, length] = /max seq len \(([\d,]+)\)/.exec(text) ?? [];
      const [, needed] = /([\d.]+) GiB KV cache is needed/.exec(text) ?? [];
      const [, available] = /available KV cache memory \(([\d.]+) GiB\)/.exec(text) ?? [];
      const [, longest] = /estimated maximum model length is ([\d,]+)/.exec(text) ?? [];
      const counted = (digits: string | undefined): number => Number((digits ?? '0').replaceAll(',', ''));
      return {
        ...(available !== undefined && {
          figures: [{ figure: 'kvCache', unit: 'GiB', printed: Number(available), planned: 'poolBytes' }],
        }),
        error: {
          ...lengthError(
            counted(length),
            `its cache needs ${needed} GiB and ${available} GiB are left`,
            counted(longest),
          ),
          ...(needed !== undefined &&
            available !== undefined && { missingBytes: (Number(needed) - Number(available)) * GiB }),
        },
      };
    },
  },
  {
    words: 'No available memory for the cache blocks',
    isMark: true,
    read: () => ({
      error: {
        code: 'memory-short',
        message:
          'weights, activations and graphs take the whole share of the memory: nothing is left for the KV cache',
      },
    }),
  },
  numberLine(
    'max_num_seqs (#) exceeds available Mamba cache blocks (#)',
    true,
    ([sequences = 0, blocks = 0]) => ({
      error: {
        code: 'state-blocks',
        message: `--max-num-seqs ${sequences} is more than the ${blocks} cache blocks that hold recurrent state: each sequence needs a block`,
        tries: blocks > 0 ? [['--max-num-seqs', String(blocks)]] : [],
      },
    }),
  ),
  {
    words: 'User-specified max_model_len (',
    isMark: true,
    read: (line, at) => {
      const [, asked, most] =
        /max_model_len \((\d+)\) is greater than the derived max_model_len \(\D{0,60}?(\d+)/.exec(
          line.slice(at, at + 300),
        ) ?? [];
      if (asked === undefined || most === undefined) return null;
      return {
        error: {
          code: 'context-above-model',
          message: `--max-model-len ${asked} is longer than the ${most} tokens that the model was trained for`,
          tries: [['--max-model-len', most]],
        },
      };
    },
  },
  { words: 'CUDA out of memory occurred when warming up sampler with ', isMark: true, read: samplerError },
  {
    words: 'CUDA error: out of memory',
    isMark: false,
    read: () => ({
      error: {
        code: 'out-of-memory',
        message:
          'the device ran out of memory outside the allocator of PyTorch: in a library, a graph or another process',
        isConsequence: true,
      },
    }),
  },
  {
    words: 'Engine core initialization failed',
    isMark: true,
    read: () => ({
      error: {
        code: 'start-failed',
        message:
          'the engine stopped while it started; the lines above this one, which have the cause, are not in the log or have no known error',
        isConsequence: true,
      },
    }),
  },
  {
    ...torchOutOfMemory,
    read: (line, at) => {
      const fact = torchOutOfMemory.read(line, at);
      return fact?.error === undefined
        ? fact
        : { ...fact, error: { ...fact.error, shareFlag: '--gpu-memory-utilization' } };
    },
  },
];

/** The configuration of the engine: `Initializing a V1 LLM engine (v0.19.0) with config: model='...', ...`. */
function engineLine(words: string): LogLine {
  return {
    words,
    isMark: true,
    read: (line, at) => {
      const start = line.indexOf('config: ', at);
      const settings = start === -1 ? [] : printedArguments(line, start + 'config: '.length);
      const model = settings.find(([name]) => name === 'model')?.[1];
      const settled = settings.flatMap(([name, value]): readonly Argument[] => {
        const flag = flagOfSetting[name];
        return flag === undefined || isUsual(value) ? [] : [[flag, value.replace(/^torch\./, '')]];
      });
      return { ...releaseAt(line, at + words.length), ...(model !== undefined && { model }), settled };
    },
  };
}

/** One device, and what the engine chooses by itself. */
function isUsual(value: string): boolean {
  return value === '1' || value === 'auto';
}

/** Settings of the configuration that a flag of the same meaning sets. */
const flagOfSetting: Readonly<Record<string, string>> = {
  'max-seq-len': 'max-model-len',
  'tensor-parallel-size': 'tensor-parallel-size',
  'pipeline-parallel-size': 'pipeline-parallel-size',
  'data-parallel-size': 'data-parallel-size',
  dtype: 'dtype',
  'kv-cache-dtype': 'kv-cache-dtype',
  'enforce-eager': 'enforce-eager',
};

function given(printed: readonly Argument[]): {
  readonly given: readonly Argument[];
  readonly model?: string;
} {
  const named = printed.filter(([name]) => name === 'model' || name === 'model-tag').at(-1);
  return {
    given: printed.filter(([name]) => name !== 'model' && name !== 'model-tag'),
    ...(named !== undefined && { model: named[1] }),
  };
}

function releaseAt(line: string, at: number): { readonly release?: string } {
  const [release] = /^0\.\d{1,3}(?:\.\d{1,3})?/.exec(line.slice(at, at + 16)) ?? [];
  return release === undefined ? {} : { release };
}

function capacityAt(line: string, at: number): { readonly deviceBytes: number } | null {
  const total = Number(/^[\d.]{1,8}/.exec(line.slice(at, at + 8))?.[0] ?? Number.NaN);
  return total > 0 ? { deviceBytes: total * GiB } : null;
}

function lengthError(
  length: number,
  why: string,
  longest: number,
): { readonly code: string; readonly message: string; readonly tries: readonly (readonly string[])[] } {
  return {
    code: 'length-above-pool',
    message: `a sequence of ${length} tokens, the longest that the server accepts, is larger than the KV cache: ${why}`,
    tries: longest > 0 ? [['--max-model-len', String(longest)]] : [],
  };
}

function samplerError(line: string, at: number): ReturnType<LogLine['read']> {
  const [, requests] = /with (\d+) dummy requests/.exec(line.slice(at, at + 120)) ?? [];
  if (requests === undefined) return null;
  return {
    error: {
      code: 'out-of-memory',
      message: `the device ran out of memory while the sampler was tried with ${requests} sequences`,
      tries: [['--max-num-seqs', String(Math.max(1, Math.floor(Number(requests) / 2)))]],
    },
  };
}
