import { engineFlags } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pastedEngines } from '../engines/paste/pasted-engines.ts';
import { LogReader, type LogReading } from './log-reader.ts';

const engines = pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));

function read(text: string, cuts: readonly number[] = []): LogReading {
  const reader = new LogReader(engines);
  let start = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    reader.push(text.slice(start, Math.max(start, cut)));
    start = Math.max(start, cut);
  }
  reader.push(text.slice(start));
  return reader.end();
}

/** Formats all facts of a reading as lines that a person can compare. */
function summary(reading: LogReading): string {
  return reading.engines
    .map((log) =>
      [
        `${log.engine} ${log.release} ${log.model} ${log.devices.join(', ')} ${log.deviceBytes}`,
        [...log.flags].map(([name, value]) => `--${name} ${value}`).join(' '),
        ...log.figures.map(({ figure, printed, unit }) => `${figure} ${printed.toFixed(3)} ${unit}`),
        log.error === null ? 'no error' : `${log.error.code} in line ${log.error.line}: ${log.error.message}`,
        (log.error?.tries ?? []).map((words) => words.join(' ')).join('; '),
      ].join('\n'),
    )
    .join('\n\n');
}

// https://github.com/vllm-project/vllm/pull/38270 and #38632: lines of start-up logs, with the prefixes of their processes.
const vllmLog = `(APIServer pid=1) INFO 03-26 18:20:01 [api_server.py:1351] vLLM API server version 0.19.0
(APIServer pid=1) INFO 03-26 18:20:01 [utils.py:253] non-default args: {'model_tag': 'Qwen/Qwen3.6-27B', 'port': 8000, 'model': 'Qwen/Qwen3.6-27B', 'max_model_len': 262144, 'tensor_parallel_size': 2, 'limit_mm_per_prompt': {'image': 4}, 'gpu_memory_utilization': 0.9}
(EngineCore_DP0 pid=78) INFO 03-26 18:20:09 [core.py:77] Initializing a V1 LLM engine (v0.19.0) with config: model='Qwen/Qwen3.6-27B', speculative_config=None, tokenizer='Qwen/Qwen3.6-27B', dtype=torch.bfloat16, max_seq_len=262144, tensor_parallel_size=2, kv_cache_dtype=fp8, enforce_eager=False
(Worker_TP1 pid=94) INFO 03-26 18:26:12 [gpu_model_runner.py:2653] Model loading took 26.1 GiB memory and 21.5 seconds
(Worker_TP0 pid=93) INFO 03-26 18:26:31 [gpu_worker.py:456] Available KV cache memory: 17.36 GiB
(EngineCore_DP0 pid=78) INFO 03-26 18:26:31 [kv_cache_utils.py:1314] GPU KV cache size: 188,640 tokens
(EngineCore_DP0 pid=78) INFO 03-26 18:26:31 [kv_cache_utils.py:1319] Maximum concurrency for 262,144 tokens per request: 2.31x
(Worker_TP1 pid=94) ERROR 03-26 18:27:04 [multiproc_executor.py:949] ValueError: max_num_seqs (1024) exceeds available Mamba cache blocks (512). Each decode sequence requires one Mamba cache block, so CUDA graph capture cannot proceed. Please lower max_num_seqs to at most 512 or increase gpu_memory_utilization.
(EngineCore_DP0 pid=78) ERROR 03-26 18:27:05 [core.py:708] RuntimeError: Worker failed with error 'max_num_seqs (1024) exceeds available Mamba cache blocks (512).'
`;

// https://github.com/mostlygeek/llama-swap/issues/34: lines of a load on two cards that ends in the compute buffer.
const llamaLog = `ggml_cuda_init: found 2 CUDA devices:
  Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes
  Device 1: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes
build: 5614 (8f47e25f) with cc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0 for x86_64-linux-gnu
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3090) - 23873 MiB free
llama_model_loader: loaded meta data with 34 key-value pairs and 771 tensors from /models/Qwen2.5-Coder-32B-Instruct-Q8_0.gguf (version GGUF V3 (latest))
load_tensors: offloaded 65/65 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   788.91 MiB
load_tensors:        CUDA0 model buffer size = 16000.10 MiB
load_tensors:        CUDA1 model buffer size = 16321.71 MiB
llama_context: n_seq_max     = 1
llama_context: n_ctx         = 32768
llama_context: n_ubatch      = 512
llama_context: flash_attn    = 0
llama_kv_cache_unified:      CUDA0 KV buffer size =  4224.00 MiB
llama_kv_cache_unified:      CUDA1 KV buffer size =  3968.00 MiB
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 2592.25 MiB on device 1: cudaMalloc failed: out of memory
ggml_gallocr_reserve_n: failed to allocate CUDA1 buffer of size 2718171136
main: error: unable to load model
`;

test('a log of vLLM: arguments, printed figures and the failure', () => {
  expect(summary(read(vllmLog))).toMatchInlineSnapshot(`
    "vllm 0.19.0 Qwen/Qwen3.6-27B  null
    --dtype bfloat16 --max-model-len 262144 --tensor-parallel-size 2 --kv-cache-dtype fp8 --port 8000 --limit-mm-per-prompt {"image": 4} --gpu-memory-utilization 0.9
    weights 26.100 GiB
    kvCache 17.360 GiB
    kvTokens 188640.000 tokens
    concurrency 2.310 times
    state-blocks in line 8: --max-num-seqs 1024 is more than the 512 cache blocks that hold recurrent state: each sequence needs a block
    --max-num-seqs 512"
  `);
});

test('a log of llama.cpp: devices, buffers of the fullest device and the failed allocation', () => {
  expect(summary(read(llamaLog))).toMatchInlineSnapshot(`
    "llama.cpp b5614 /models/Qwen2.5-Coder-32B-Instruct-Q8_0.gguf NVIDIA GeForce RTX 3090, NVIDIA GeForce RTX 3090 25032654848
    --n-gpu-layers 65 --parallel 1 --ctx-size 32768 --ubatch-size 512 --flash-attn 0
    weights 15.939 GiB
    kvCache 4.125 GiB
    out-of-memory in line 17: the device ran out of memory: 2592.25 MiB were asked for on device 1
    "
  `);
});

test.each([
  [
    "ValueError: The model's max seq len (131072) is larger than the maximum number of tokens that can be stored in KV cache (79392). Try increasing",
    'length-above-pool',
  ],
  [
    "ValueError: To serve at least one request with the model's max seq len (262144), 9.29 GiB KV cache is needed, which is larger than the available KV cache memory (9.28 GiB). Based on the available memory, the estimated maximum model length is 260800.",
    'length-above-pool',
  ],
  ['ValueError: No available memory for the cache blocks. Try increasing', 'memory-short'],
  [
    'ValueError: Free memory on device cuda:0 (6.96/8.0 GiB) on startup is less than desired GPU memory utilization (0.9, 7.2 GiB). Decrease',
    'share-above-free',
  ],
  [
    '  Value error, User-specified max_model_len (65536) is greater than the derived max_model_len (max_position_embeddings=32768 or model_max_length=None in model',
    'context-above-model',
  ],
  [
    'vLLM API server version 0.9.1\n[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of 11.53 GiB of which 187.75 MiB is free. Including',
    'out-of-memory',
  ],
  [
    'vLLM API server version 0.9.1\nRuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering',
    'out-of-memory',
  ],
  ['vLLM API server version 0.9.1\nRuntimeError: CUDA error: out of memory', 'out-of-memory'],
  [
    'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}',
    'start-failed',
  ],
  [
    'llama_model_loader: loaded meta data with 1 key\nggml_vulkan: Device memory allocation of size 1073741824 failed.',
    'out-of-memory',
  ],
  ['Error: model requires more system memory (9.6 GiB) than is available (7.7 GiB)', 'memory-short'],
  [
    'common_fit_params: failed to fit params to free device memory: was unable to fit model into system memory by reducing context, abort',
    'memory-short',
  ],
  ['llama_model_load: error loading model: unable to allocate CUDA0 buffer', 'out-of-memory'],
])('%s', (line, code) => {
  const [log] = read(`${line}\n`).engines;
  expect(log?.error?.code).toBe(code);
  expect(log?.error?.message).toMatchSnapshot();
});

test('colors, time stamps, prefixes, cuts, truncated ends and the pieces of the input do not change the facts', () => {
  const start = String.fromCharCode(27);
  const prefix = fc.constantFrom(
    '',
    'vllm-1  | ',
    '2026-03-26T18:27:04.123Z stdout F ',
    `${start}[36m(Worker pid=1)${start}[0;0m `,
    'Nov 30 08:00:00 host engine[12]: ',
    '[rank0]: ',
  );
  const withoutLines = (text: string): string => text.replaceAll(/ in line \d+/g, '');
  for (const log of [vllmLog, llamaLog]) {
    const plain = summary(read(log));
    fc.assert(
      fc.property(
        fc.array(prefix, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(log.length), { maxLength: 8 }),
        (prefixes, cuts) => {
          const prefixed = log
            .split('\n')
            .map((line, index) => (line === '' ? line : `${prefixes[index % prefixes.length]}${line}`))
            .join('\n');
          expect(summary(read(prefixed, cuts))).toBe(plain);
        },
      ),
    );
    fc.assert(
      fc.property(fc.nat(log.length), (end) => {
        const [cut] = read(log.slice(0, end)).engines;
        const [whole] = read(log).engines;
        for (const { figure, printed } of cut?.figures ?? []) {
          const complete = whole?.figures.find((candidate) => candidate.figure === figure);
          expect(complete === undefined || printed <= complete.printed).toBe(true);
        }
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 10 }), (junk) => {
        const mixed = `${junk.join('\n')}\n${log}${junk.join('\n')}`;
        expect(withoutLines(summary(read(mixed)))).toBe(withoutLines(plain));
      }),
    );
  }
});

test('the last of several starts counts, and the best understood of several engines', () => {
  const second = vllmLog.split('\n').slice(0, 5).join('\n').replace('17.36', '20.00');
  const [log] = read(vllmLog + second).engines;
  expect(log?.error).toBeNull();
  expect(log?.figures.map(({ printed }) => printed)).toEqual([26.1, 20]);
  const both = read(`${llamaLog}GPU KV cache size: 5 tokens\n`);
  expect(both.engines.map(({ engine }) => engine)).toEqual(['llama.cpp', 'vllm']);
  expect(read('hello\nworld\n').engines).toEqual([]);
});

test('a command in the log states facts that the engine does not print', () => {
  const [log] = read(
    '$ ollama run llama3.1:70b\n\npulling manifest \nError: model requires more system memory (44.0 GiB) than is available (7.6 GiB)\n',
  ).engines;
  expect([log?.engine, log?.model, [...(log?.commandFlags ?? [])]]).toEqual([
    'ollama',
    'llama3.1:70b',
    [['context', 'auto']],
  ]);
  const [server] = read(`+ llama-server -m other.gguf -ngl 20 -np 2 -c 8192\n${llamaLog}`).engines;
  expect([server?.model, server?.commandFlags.get('ngl')]).toEqual([
    '/models/Qwen2.5-Coder-32B-Instruct-Q8_0.gguf',
    '20',
  ]);
  expect(read('we use vllm serve and it is fine\n').engines.map(({ flags }) => flags.size)).toEqual([0]);
});

test('the time is linear in the length of any text', () => {
  const seconds = (unit: string, length: number): number => {
    const text = unit.repeat(Math.ceil(length / unit.length));
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      const reader = new LogReader(engines);
      for (let at = 0; at < text.length; at += 65_536) reader.push(text.slice(at, at + 65_536));
      reader.end();
      return (performance.now() - start) / 1000;
    });
    return Math.min(...times);
  };
  for (const unit of [
    'GPU KV cache size: ',
    'GPU KV cache size: #\n',
    "non-default args: {'a': [[[{'",
    'NVIDIA ',
    '\n',
    'x',
  ]) {
    const [short, long] = [seconds(unit, 200_000), seconds(unit, 1_600_000)];
    expect(long, unit).toBeLessThan(8 * 4 * short + 0.2);
  }
});
