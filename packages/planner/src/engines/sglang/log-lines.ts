/** Lines of SGLang's log besides the figures of start-log.ts, as releases 0.4 and 0.5 print them. */
import { GiB } from '@plimsoll/foundation';
import type { Argument, LogFact, LogLine } from '../contract/log-line.ts';
import { numberLine, torchOutOfMemory } from '../contract/log-numbers.ts';
import { printedArguments } from '../contract/printed-arguments.ts';

const shareFlag = '--mem-fraction-static';

export const sglangLogLines: readonly LogLine[] = [
  argumentLine('server_args=ServerArgs('),
  argumentLine('server_args={'),
  // The first line of a container's log, if it echoes the command.
  { words: 'sglang.launch_server ', isMark: true, read: () => null },
  numberLine('Load weight begin. avail mem=# GB', true, ([free = 0]) =>
    free > 0 ? { freeBytes: free * GiB } : null,
  ),
  {
    words: 'Load weight end.',
    isMark: true,
    read: (line, at) => {
      const [, after, loaded] =
        /avail mem=([\d.]{1,8}) GB, mem usage=([\d.]{1,8}) GB/.exec(line.slice(at, at + 300)) ?? [];
      return loaded === undefined ? null : { freeBytes: (Number(after) + Number(loaded)) * GiB };
    },
  },
  numberLine('Raise --mem-fraction-static above # (minimum viable', true, ([least = 0]) => ({
    error: {
      code: 'memory-short',
      message: `weights take more than the share of --mem-fraction-static: nothing is left for the KV cache below ${least}`,
      tries: least < 0.97 ? [[shareFlag, String(Math.ceil((least + 0.02) * 1000) / 1000)]] : [],
      shareFlag,
      needsLargerShare: true,
    },
  })),
  {
    words: 'Not enough memory. Please try to increase --mem-fraction-static.',
    isMark: true,
    read: (line, at) => {
      const [, share] = /mem_fraction_static=([\d.]{1,8})/.exec(line.slice(at, at + 200)) ?? [];
      const value = Number(share);
      const more =
        value > 0 && value < 0.93 ? [[shareFlag, String(Math.round((value + 0.05) * 1000) / 1000)]] : [];
      return {
        error: {
          code: 'memory-short',
          message: 'weights take the whole share of --mem-fraction-static: nothing is left for the KV cache',
          tries: more,
          shareFlag,
          needsLargerShare: true,
        },
      };
    },
  },
  {
    words: 'The memory capacity is unbalanced. Some GPUs may be occupied by other processes.',
    isMark: true,
    read: (line, at) => {
      const [, own] =
        /[a-z_]*min[a-z_]*=[\d.]{1,9}.{0,60}?=([\d.]{1,9})/.exec(line.slice(at, at + 300)) ?? [];
      const amounts = own === undefined ? '' : `, ${own} GiB are free on this device`;
      return {
        error: {
          code: 'foreign-memory',
          message: `another process holds memory of some of the devices${amounts}: SGLang starts only on devices with about the same free memory`,
        },
      };
    },
  },
  {
    words: 'alloc_req_slots runs out of memory.',
    isMark: true,
    read: () => ({
      error: {
        code: 'requests-above-slots',
        message:
          'the table of running requests is full while the server runs: it accepted more than it has places for',
        tries: [['--max-running-requests', '16']],
      },
    }),
  },
  {
    words: 'Not enough space for mamba ping pong idx',
    isMark: true,
    read: () => ({
      error: {
        code: 'state-slots',
        message:
          'the slots of recurrent state ran out while the server ran: requests hold several slots each',
        tries: [['--mamba-full-memory-ratio', '2']],
      },
    }),
  },
  {
    words: 'out of memory. Try to lower your batch size.',
    isMark: true,
    read: () => ({
      error: {
        code: 'pool-short',
        message: 'the pool of tokens ran out while the server ran: one batch needs more tokens than it has',
        shareFlag,
        isConsequence: true,
      },
    }),
  },
  numberLine(
    'User-specified context_length (#) is greater than the derived context_length (#)',
    true,
    ([asked = 0, most = 0]) => ({
      error: {
        code: 'context-above-model',
        message: `--context-length ${asked} is longer than the ${most} tokens that the model was trained for`,
        tries: [['--context-length', String(most)]],
      },
    }),
  ),
  {
    words: 'Not enough GPU memory for hybrid (mamba/linear-attention) state cache.',
    isMark: true,
    read: () => ({
      error: {
        code: 'state-slots',
        message: 'the share of --mem-fraction-static leaves no room for a slot of recurrent state',
      },
    }),
  },
  {
    words: 'Hybrid (mamba/linear-attention) state cache is too small to serve any requests.',
    isMark: true,
    read: (line, at) => {
      const [, slots, perRequest] =
        /max_mamba_cache_size=(\d{1,9}), mamba_ratio=(\d{1,3})/.exec(line.slice(at, at + 250)) ?? [];
      return {
        error: {
          code: 'state-slots',
          message: `recurrent state has ${slots ?? 'too few'} slots, and a running request takes ${perRequest ?? 'more'}`,
          tries: perRequest === undefined ? [] : [['--max-mamba-cache-size', perRequest]],
        },
      };
    },
  },
  numberLine('SWA pool (# tokens) cannot hold even one request', true, ([tokens = 0]) => ({
    error: {
      code: 'window-pool',
      message: `the pool of windowed layers holds ${tokens} tokens, fewer than one request needs`,
      tries: [['--swa-full-tokens-ratio', '1']],
    },
  })),
  {
    words: 'Capture cuda graph failed: ',
    isMark: true,
    read: (line, at) =>
      /out of memory/i.test(line.slice(at, at + 400))
        ? {
            error: {
              code: 'reserve-short',
              message: 'the device ran out of memory while CUDA graphs were captured beside the pools',
              tries: [['--cuda-graph-max-bs', '8']],
              shareFlag,
            },
          }
        : null,
  },
  { ...torchOutOfMemory, read: (line, at) => withShareFlag(torchOutOfMemory.read(line, at)) },
];

function withShareFlag(fact: LogFact | null): LogFact | null {
  return fact?.error === undefined ? fact : { ...fact, error: { ...fact.error, shareFlag } };
}

/** The first line of a server: every argument with its resolved value. */
function argumentLine(words: string): LogLine {
  return {
    words,
    isMark: true,
    read: (line, at) => {
      const printed = printedArguments(line, at + words.length);
      const model = printed.find(([name]) => name === 'model-path')?.[1];
      const settled = printed.flatMap(([name, value]): readonly Argument[] => {
        const isSwitch = value === 'true';
        const isUsual = value === 'auto' || (value === '1' && /-size$/.test(name));
        return !settings.has(name) || isUsual || (value === '' && !isSwitch) ? [] : [[name, value]];
      });
      return { isStart: true, settled, ...(model !== undefined && { model }) };
    },
  };
}

/** Arguments whose resolved value is the value of the flag of this name. */
const settings: ReadonlySet<string> = new Set([
  ...['context-length', 'tp-size', 'pp-size', 'dp-size', 'dtype', 'kv-cache-dtype', 'quantization'],
  ...['mem-fraction-static', 'chunked-prefill-size', 'max-running-requests', 'max-total-tokens', 'page-size'],
  ...['cuda-graph-max-bs', 'enable-dp-attention', 'disable-radix-cache', 'disable-cuda-graph'],
  ...['moe-a2a-backend', 'attention-backend', 'max-mamba-cache-size', 'mamba-full-memory-ratio'],
  ...['speculative-algorithm', 'speculative-num-steps', 'speculative-eagle-topk'],
  ...['speculative-num-draft-tokens'],
]);
