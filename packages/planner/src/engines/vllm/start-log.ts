/**
 * Lines about memory that vLLM prints when it starts. They are the lines of releases 0.6 to 0.19, as start-up logs in public
 * issues have them; sizes are GiB, also where old releases print "GB".
 */
import type { StartLogFigure } from '../contract/start-log.ts';

/** Some lines have no space before the unit. */
function withSpace(form: string): readonly string[] {
  return [`${form}GiB`, `${form} GiB`];
}

export const vllmStartLog: readonly StartLogFigure[] = [
  {
    figure: 'weights',
    unit: 'GiB',
    forms: [
      'Model loading took # GiB',
      'Model loading took # GB',
      'Loading model weights took # GiB',
      'Loading model weights took # GB',
      ...withSpace('model weights take #'),
    ],
    planned: { category: 'weights' },
  },
  {
    figure: 'activations',
    unit: 'GiB',
    forms: [
      ...withSpace('torch peak memory increase: #'),
      ...withSpace('PyTorch activation peak memory takes #'),
    ],
    planned: { category: 'activations' },
  },
  {
    figure: 'outside',
    unit: 'GiB',
    forms: [
      ...withSpace('non-torch forward increase memory: #'),
      ...withSpace('non_torch_memory takes #'),
      ...withSpace('non_torch_memory=#'),
    ],
    planned: { category: 'runtime', tag: 'outside the allocator' },
  },
  {
    figure: 'kvCache',
    unit: 'GiB',
    forms: [
      ...withSpace('Available KV cache memory: #'),
      ...withSpace('reserved for KV Cache is #'),
      ...withSpace('kv_cache_size=#'),
    ],
    planned: 'poolBytes',
  },
  { figure: 'kvTokens', unit: 'tokens', forms: ['GPU KV cache size: # tokens'], planned: 'kvTokens' },
  {
    figure: 'concurrency',
    unit: 'times',
    forms: ['Maximum concurrency for # tokens per request: #x'],
    startsWithContext: true,
    planned: 'concurrency',
  },
];
