/** Lines of TensorRT-LLM's log besides the figures of start-log.ts. */
import { GiB } from '@plimsoll/foundation';
import type { LogLine } from '../contract/log-line.ts';
import { numberLine, torchOutOfMemory } from '../contract/log-numbers.ts';

const shareFlag = '--kv_cache_free_gpu_memory_fraction';

export const tensorrtLlmLogLines: readonly LogLine[] = [
  {
    words: 'TensorRT-LLM version: ',
    isMark: true,
    read: (line, at) => {
      const [release] = /^\d{1,2}\.\d{1,2}\.\d{1,2}(?:rc\d{1,2})?/.exec(line.slice(at + 22, at + 40)) ?? [];
      return release === undefined ? null : { isStart: true, release };
    },
  },
  numberLine('device total memory # GiB', true, ([total = 0]) =>
    total > 0 ? { deviceBytes: total * GiB } : null,
  ),
  {
    words: 'Executor creation failed due to insufficient GPU memory.',
    isMark: true,
    read: () => ({
      error: {
        code: 'out-of-memory',
        message: 'the device ran out of memory while the engine was made',
        shareFlag,
        isConsequence: true,
      },
    }),
  },
  {
    words: 'The following component could not be created: ',
    isMark: true,
    read: (line, at) => {
      const component = line.slice(at + 46, at + 110).trim();
      const isModel = /^model/i.test(component);
      return {
        error: {
          code: isModel ? 'memory-short' : 'out-of-memory',
          message: `the device ran out of memory while the engine made its ${component}`,
          ...(!isModel && { shareFlag }),
        },
      };
    },
  },
  numberLine('Total GPU memory (GiB): #', true, ([total = 0]) =>
    total > 0 ? { deviceBytes: total * GiB } : null,
  ),
  {
    ...torchOutOfMemory,
    read: (line, at) => {
      const fact = torchOutOfMemory.read(line, at);
      return fact?.error === undefined ? fact : { ...fact, error: { ...fact.error, shareFlag } };
    },
  },
];
