/**
 * The memory figures in SGLang's start-up log, as releases 0.4 and 0.5 print them. Sizes are in GiB, although the log
 * says "GB".
 */
import type { StartLogFigure } from '../contract/start-log.ts';

export const sglangStartLog: readonly StartLogFigure[] = [
  {
    figure: 'weights',
    unit: 'GiB',
    forms: ['avail mem=# GB, mem usage=# GB'],
    planned: { category: 'weights' },
  },
  {
    figure: 'kvCache',
    unit: 'GiB',
    forms: ['K size: # GB, V size: # GB', 'KV size: # GB'],
    counts: 'sum',
    planned: 'poolBytes',
  },
  {
    figure: 'kvTokens',
    unit: 'tokens',
    forms: ['max_total_num_tokens=#'],
    planned: 'kvTokens',
  },
];
