import { engineFlags } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modelNames } from './model-names.ts';
import { pastedEngines } from './pasted-engines.ts';
import { type CommandReading, readCommand } from './read-command.ts';

const engines = pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));

function read(command: string | readonly string[]): string {
  const { engine, release, model, flags, leftOut, unknown, others }: CommandReading = readCommand(
    command,
    engines,
  );
  const list = (words: readonly string[]): string => (words.length === 0 ? '-' : words.join(' '));
  return [
    `${engine}${release === null ? '' : `@${release}`} ${model}`,
    [...flags].map(([name, value]) => (value === null ? name : `${name}=${value}`)).join(' '),
    `left out ${list(leftOut)}; unknown ${list(unknown)}; others ${list(others)}`,
  ].join('\n');
}

test('the reader finds a command after variables and wrappers, in containers and in nested shells', () => {
  const plain = read('vllm serve org/name --max-model-len 8192');
  for (const command of [
    'sudo nohup vllm serve org/name --max-model-len 8192 > log.txt 2>&1 &',
    'numactl --interleave=all uv run vllm serve org/name --max-model-len=8192',
    "bash -lc 'vllm serve org/name --max-model-len 8192'",
    'python3 -m vllm.entrypoints.openai.api_server --model org/name --max-model-len 8192',
    'python /app/vllm/entrypoints/openai/api_server.py --model org/name --max_model_len 8192',
    'docker run --gpus all -p 8000:8000 vllm/vllm-openai:latest --model org/name --max-model-len 8192',
    'docker run --name vllm --ipc=host my/image vllm serve org/name --max-model-len 8192',
    'docker run --entrypoint bash vllm/vllm-openai:nightly -c "vllm serve org/name --max-model-len 8192"',
    'cd /app\nvllm serve \\\n  org/name \\\n  --max-model-len 8192\n',
    'vllm serve org/name --max-model 8192',
  ]) {
    expect(read(command), command).toBe(plain);
  }
  expect(plain).toMatchInlineSnapshot(`
    "vllm org/name
    context=8192
    left out -; unknown -; others -"
  `);
});

test('the tag of an image, an installed version and the program name the release', () => {
  expect(read('docker run vllm/vllm-openai:v0.22.0-cu130 --model a/b').split(' ')[0]).toBe('vllm@0.22.0');
  expect(read('docker run ghcr.io/x/vllm/vllm-openai:v0.8.5.post1@sha256:0 --model a/b').split(' ')[0]).toBe(
    'vllm@0.8.5',
  );
  expect(read('pip install vllm==0.19.0 && vllm serve a/b').split(' ')[0]).toBe('vllm@0.19.0');
  expect(read('uvx vllm@0.21.0 serve a/b').split(' ')[0]).toBe('vllm@0.21.0');
  expect(read('docker run ghcr.io/ggml-org/llama.cpp:server-cuda-b6000 -m a.gguf').split(' ')[0]).toBe(
    'llama.cpp@b6000',
  );
});

test('the reader uses the variables of the command, but not the environment', () => {
  expect(read('NCCL_DEBUG=INFO VLLM_USE_V1=0 vllm serve a/b')).toContain('core=0');
  expect(read('docker run -e VLLM_USE_V1=0 --env=X=1 vllm/vllm-openai --model a/b')).toMatchInlineSnapshot(`
    "vllm a/b
    core=0 context=0
    left out X; unknown -; others -"
  `);
  expect(read('LLAMA_ARG_CTX_SIZE=4096 LLAMA_ARG_MODEL=m.gguf llama-server')).toContain('context=4096');
  process.env.VLLM_USE_V1 = '0';
  expect(read('vllm serve a/b')).not.toContain('core');
  delete process.env.VLLM_USE_V1;
});

test('a program on an engine has defaults of its own, and its words after the model are a prompt', () => {
  expect(
    read(
      'OLLAMA_CONTEXT_LENGTH=8192 OLLAMA_NUM_PARALLEL=2 OLLAMA_KV_CACHE_TYPE=q8_0 ollama run qwen3:8b "Why is the sky blue?" --verbose',
    ),
  ).toMatchInlineSnapshot(`
    "ollama qwen3:8b
    context=8192 users=2 kv=q8_0
    left out --verbose; unknown -; others -"
  `);
  expect(read('docker exec -it ollama ollama run gemma3:27b')).toContain('context=auto');
  expect(read('ollama run llama3.2')).toContain('ollama llama3.2:latest');
  expect(read('ollama run hf.co/owner/name-GGUF')).toContain('ollama hf.co/owner/name-GGUF\n');
  expect(read('lms load qwen3-8b --gpu 0.5 --context-length 16384 --parallel 2 -y')).toMatchInlineSnapshot(`
    "lmstudio qwen3-8b
    offload=0.5 context=8192 users=2
    left out -y; unknown -; others -"
  `);
});

test('a server without a model takes the model of the next command of its engine', () => {
  expect(
    read(
      'export OLLAMA_FLASH_ATTENTION=1 OLLAMA_GPU_OVERHEAD=1073741824\nOLLAMA_CONTEXT_LENGTH=64000 OLLAMA_MAX_LOADED_MODELS=1 ollama serve &\nollama run qwen3:32b',
    ),
  ).toMatchInlineSnapshot(`
    "ollama qwen3:32b
    context=64000 fa=on gpu-overhead=1073741824
    left out OLLAMA_MAX_LOADED_MODELS; unknown -; others -"
  `);
});

test('flags that a command leaves out have the values of its release', () => {
  expect(read('llama-server -m a.gguf')).toContain('ngl=auto context=fit');
  expect(read('llama-server -m a.gguf -c 0 --fit off')).toContain('context=full fit=off');
  const image = (tag: string): string =>
    read(`docker run ghcr.io/ggml-org/llama.cpp:server-${tag} -m a.gguf`);
  expect(image('b6500')).toContain('context=4096');
  expect(image('b6500')).not.toContain('ngl');
  expect(image('b5000')).toContain('ngl=0');
});

test('numbers of tokens have the meaning of the engine', () => {
  expect(read('vllm serve a/b --max-model-len 32k')).toContain('context=32000');
  expect(read('vllm serve a/b --max-model-len 32K')).toContain('context=32K');
  expect(read('vllm serve a/b')).toContain('context=0');
  expect(read('llama-server -m a.gguf -c 32768 -np 4')).toContain('context=8192');
});

test('a flag that changes memory is honoured or refused by name, misspelled or not', () => {
  expect(() => read('llama-server -m a.gguf --rpc host:1')).toThrow(/--rpc changes memory/);
  expect(() => read('VLLM_CPU_KVCACHE_SPACE=4 vllm serve a/b')).toThrow(
    /VLLM_CPU_KVCACHE_SPACE changes memory/,
  );
  expect(() => read('vllm serve a/b --max-modle-len 5')).toThrow(/no flag --max-modle-len/);
  expect(() => read('vllm serve a/b --max-model-len')).toThrow(/has no value/);
  expect(read('vllm serve a/b --never-heard-of 5 --tensor-parallel-size 2')).toContain(
    'unknown --never-heard-of',
  );
});

test('a text without an engine is refused with the known programs; a second command is named', () => {
  expect(() => read('echo hello')).toThrow(/does not start a known engine/);
  expect(() => read('   ')).toThrow(/no command/);
  expect(read('vllm serve a/b & vllm serve c/d --port 1')).toContain('others c/d --port 1');
});

test('a level may follow its flag without a space, and keys of a JSON flag are put together', () => {
  expect(read('vllm serve a/b -O3')).toContain('optimization-level=3');
  expect(read('vllm serve a/b -O0')).toContain('optimization-level=0');
  expect(
    read('vllm serve a/b --speculative-config.method mtp --speculative-config.num_speculative_tokens=2'),
  ).toContain('speculative-config={"method":"mtp","num_speculative_tokens":2}');
});

test('words that a shell has split are taken as they are', () => {
  const json = '{"method": "x y"}';
  expect(read(['A=1', 'vllm', 'serve', 'a/b', '--chat-template', json])).toContain(
    'left out A --chat-template;',
  );
  expect(read(['vllm serve a/b --port 1'])).toContain('a/b');
});

test('names of a model are whole parts of the typed text', () => {
  const names = (typed: string): string =>
    modelNames(typed)
      .map(({ name, weights }) => `${name}${weights === null ? '' : ` (${weights})`}`)
      .join(', ');
  expect(names('/data/models/Qwen/Qwen3-8B/')).toMatchInlineSnapshot(`"Qwen/Qwen3-8B, Qwen3-8B"`);
  expect(names('/data/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/b968826')).toBe(
    'Qwen/Qwen3-8B',
  );
  expect(names('C:\\models\\Qwen3-30B-A3B-UD-Q4_K_XL-00001-of-00002.gguf')).toMatchInlineSnapshot(
    `"models/Qwen3-30B-A3B-UD-Q4_K_XL-00001-of-00002.gguf (UD-Q4_K_XL), Qwen3-30B-A3B-UD-Q4_K_XL-00001-of-00002.gguf (UD-Q4_K_XL), Qwen3-30B-A3B-UD-Q4_K_XL (UD-Q4_K_XL), Qwen3-30B-A3B (UD-Q4_K_XL)"`,
  );
  expect(names('unsloth/gpt-oss-20b-GGUF:F16')).toMatchInlineSnapshot(
    `"unsloth/gpt-oss-20b-GGUF (F16), gpt-oss-20b-GGUF (F16), gpt-oss-20b (F16)"`,
  );
  expect(names('llama3.1:8b-instruct-q8_0')).toMatchInlineSnapshot(`"llama3.1:8b-instruct (q8_0)"`);
});

test('any words are read or refused with a code', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'vllm',
      'serve',
      'docker',
      'run',
      'llama-server',
      '-m',
      '--model',
      '-c',
      '--',
      '=',
      '--a.b',
      '-e',
      'A=1',
      'bash',
      '-c',
    ),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      try {
        readCommand(words, engines);
      } catch (error) {
        expect(error).toHaveProperty('code');
      }
    }),
  );
});

test('flags of a draft are honoured; its number of tokens is not our name of a model', () => {
  expect(
    read('llama-server -m big.gguf -md small-Q8_0.gguf -ngld 99 --draft 8 -ctkd q8_0 --spec-type ngram-mod'),
  ).toMatchInlineSnapshot(`
    "llama.cpp big.gguf
    ngl=auto draft=small-Q8_0.gguf ngld=99 spec-draft-n-max=8 ctkd=q8_0 spec-type=ngram-mod context=fit
    left out -; unknown -; others -"
  `);
  expect(read('llama-server -m a.gguf --spec-type mtp --draft-max 2')).toContain(
    'spec-type=mtp spec-draft-n-max=2',
  );
});

test('a flag with several numbers takes them all', () => {
  const { flags, unknown } = readCommand(
    'vllm serve some/model --cudagraph-capture-sizes 1 2 4 --port 80',
    engines,
  );
  expect([flags.get('cudagraph-capture-sizes'), unknown]).toEqual(['1 2 4', []]);
});

test('--no- turns a switch of vLLM off, whether a plan models it or not', () => {
  expect(
    read(
      'vllm serve a/b --enable-lora --no-enable-lora -ep --no-enable-dbo --no-enable-cumem-allocator --no-x',
    ),
  ).toMatchInlineSnapshot(`
    "vllm a/b
    ep context=0
    left out --no-enable-lora --no-enable-dbo --no-enable-cumem-allocator; unknown --no-x; others -"
  `);
  expect(() => read('vllm serve a/b --enable-dbo')).toThrow(
    '--enable-dbo changes memory, and plans for vLLM do not model it: two halves of each step run at once',
  );
  expect(read('vllm serve a/b -pcp 1 --ubatch-size=0')).toContain('left out -pcp 1 --ubatch-size 0');
});

test('short flags and presets stand for others', () => {
  expect(
    read(
      'vllm serve a/b --spec-method eagle3 --spec-model c/d --spec-tokens 3 --kv-cache-dtype-skip-layers 0 sliding_window --device-memory-utilization 0.8',
    ),
  ).toMatchInlineSnapshot(`
    "vllm a/b
    spec-method=eagle3 spec-model=c/d spec-tokens=3 kv-cache-dtype-skip-layers=0 sliding_window utilization=0.8 context=0
    left out -; unknown -; others -"
  `);
  expect(read('llama-server --gpt-oss-20b-default --load-mode none --port 1')).toMatchInlineSnapshot(`
    "llama.cpp ggml-org/gpt-oss-20b-GGUF
    ngl=auto batch=32768 ub=2048 users=2 context=131072 no-mmap
    left out --port; unknown -; others -"
  `);
  expect(read('llama-server -m a.gguf -lm mmap --spec-default')).toMatchInlineSnapshot(`
    "llama.cpp a.gguf
    ngl=auto spec-type=ngram-mod context=fit
    left out -lm mmap; unknown -; others -"
  `);
  expect(read('sglang serve --model-path a/b --tp 8 --ep 8')).toContain('ep-size=8');
  expect(read('llama-server -m a.gguf -ncffn 2')).toContain('ot=blk\\.(0|1)\\.ffn_(up|down|gate)\\.=CPU');
  expect(read('llama-server -dr ai/gemma3 -ot a=CPU -ot b=CUDA0')).toContain('ot=a=CPU,b=CUDA0');
});

test('a path in a container is the path that is mounted there', () => {
  expect(
    read(
      'docker run -v /srv/models/Qwen3-8B:/model:ro -v cache:/root vllm/vllm-openai:v0.22.0 --model /model --tensor-parallel-size 2',
    ),
  ).toContain('vllm@0.22.0 /srv/models/Qwen3-8B');
  expect(
    read(
      'docker run --volume=/data:/models ghcr.io/ggml-org/llama.cpp:server -m /models/a/Qwen3-8B-Q4_K_M.gguf',
    ),
  ).toContain('llama.cpp /data/a/Qwen3-8B-Q4_K_M.gguf');
  expect(
    read(`services:
  vllm:
    image: vllm/vllm-openai:v0.26.0-cu129
    volumes:
      - /srv/models/DeepSeek-V4-Flash:/model
    command: >
      /model
      --tensor-parallel-size 4
`),
  ).toContain('vllm@0.26.0 /srv/models/DeepSeek-V4-Flash');
  expect(read('docker run -v /data:/m vllm/vllm-openai --model /models/x')).toContain('vllm /models/x');
});

test('an image of another owner is known by its name, if a flag names the model', () => {
  expect(read('docker run --gpus all -v vllm:/x me/vllm-gh200:v0.8.3 --model a/b --port 1')).toContain(
    'vllm@0.8.3 a/b',
  );
  expect(() => read('docker run --name vllm-1 me/web --port 1')).toThrow('does not start a known engine');
});

test('lines of a command that are commented out are left out of it', () => {
  const text = '#A=1 \\\nB=2 \\\nvllm serve a/b \\\n  # --enforce-eager \\\n  --max-model-len 4096';
  expect(read(text)).toBe('vllm a/b\ncontext=4096\nleft out B; unknown -; others -');
});

test('a variable that the text does not set is named', () => {
  expect(() => read('llama-server -m a.gguf -c $N_CTX')).toThrow(
    '-c has the value of the variable $N_CTX, which the text does not set',
  );
  expect(read('N_CTX=4096; llama-server -m a.gguf -c $N_CTX --port "$PORT"')).toContain('context=4096');
});
