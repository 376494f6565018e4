/** Tests the facts of single lines of SGLang's log. */
import { expect, test } from 'vitest';
import { sglangLogLines } from './log-lines.ts';

function factOf(text: string): unknown {
  for (const line of sglangLogLines) {
    const at = text.indexOf(line.words);
    const fact = at === -1 ? null : line.read(text, at);
    if (fact !== null) return fact;
  }
  return null;
}

test('the resolved arguments of a server', () => {
  const line =
    "[2026-08-27 10:00:00] server_args=ServerArgs(model_path='Qwen/Qwen3-8B', tp_size=2, pp_size=1, context_length=None, mem_fraction_static=0.83, kv_cache_dtype='auto', enable_dp_attention=True, port=30000)";
  expect(factOf(line)).toEqual({
    isStart: true,
    model: 'Qwen/Qwen3-8B',
    settled: [
      ['tp-size', '2'],
      ['mem-fraction-static', '0.83'],
      ['enable-dp-attention', 'true'],
    ],
  });
});

test('errors of a start, with what would start', () => {
  const errors = [
    'ValueError: Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=0.88. Raise --mem-fraction-static above 0.912 (minimum viable = 1 - available/pre = 0.9112).',
    'RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=0.7',
    'RuntimeError: Hybrid (mamba/linear-attention) state cache is too small to serve any requests. max_mamba_cache_size=2, mamba_ratio=5, resulting max_num_reqs=0.',
    'Exception: Capture cuda graph failed: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.19 GiB of which 1.00 GiB is free.',
    'ValueError: SWA pool (128 tokens) cannot hold even one request: the prefill admission floor is',
  ];
  expect(errors.map(factOf)).toMatchInlineSnapshot(`
    [
      {
        "error": {
          "code": "memory-short",
          "message": "weights take more than the share of --mem-fraction-static: nothing is left for the KV cache below 0.912",
          "needsLargerShare": true,
          "shareFlag": "--mem-fraction-static",
          "tries": [
            [
              "--mem-fraction-static",
              "0.932",
            ],
          ],
        },
      },
      {
        "error": {
          "code": "memory-short",
          "message": "weights take the whole share of --mem-fraction-static: nothing is left for the KV cache",
          "needsLargerShare": true,
          "shareFlag": "--mem-fraction-static",
          "tries": [
            [
              "--mem-fraction-static",
              "0.75",
            ],
          ],
        },
      },
      {
        "error": {
          "code": "state-slots",
          "message": "recurrent state has 2 slots, and a running request takes 5",
          "tries": [
            [
              "--max-mamba-cache-size",
              "5",
            ],
          ],
        },
      },
      {
        "error": {
          "code": "reserve-short",
          "message": "the device ran out of memory while CUDA graphs were captured beside the pools",
          "shareFlag": "--mem-fraction-static",
          "tries": [
            [
              "--cuda-graph-max-bs",
              "8",
            ],
          ],
        },
      },
      {
        "error": {
          "code": "window-pool",
          "message": "the pool of windowed layers holds 128 tokens, fewer than one request needs",
          "tries": [
            [
              "--swa-full-tokens-ratio",
              "1",
            ],
          ],
        },
      },
    ]
  `);
  expect(factOf('Capture cuda graph failed: something else')).toBeNull();
});
