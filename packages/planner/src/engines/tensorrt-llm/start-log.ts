/** The memory figures in the start-up log of TensorRT-LLM's PyTorch backend, as releases 0.17 to 1.2 print them. */
import type { StartLogFigure } from '../contract/start-log.ts';

export const tensorrtLlmStartLog: readonly StartLogFigure[] = [
  {
    figure: 'weights',
    unit: 'GiB',
    forms: [
      'Memory used after loading model weights (inside torch) in memory usage profiling: # GiB',
      'uses # GB for model weights',
    ],
    planned: { category: 'weights' },
  },
  {
    figure: 'activations',
    unit: 'GiB',
    forms: ['Memory dynamically allocated during inference (inside torch) in memory usage profiling: # GiB'],
    planned: { category: 'activations' },
  },
  {
    figure: 'outside',
    unit: 'GiB',
    forms: ['Memory used outside torch (e.g., NCCL and CUDA graphs) in memory usage profiling: # GiB'],
    planned: { category: 'runtime' },
  },
  {
    figure: 'kvCache',
    unit: 'GiB',
    forms: ['available KV cache memory when calculating max tokens: # GiB'],
    planned: 'poolBytes',
  },
  {
    figure: 'kvTokens',
    unit: 'tokens',
    forms: ['GiB for max tokens in paged KV cache (#)'],
    planned: 'kvTokens',
  },
];
