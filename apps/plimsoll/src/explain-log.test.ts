/** Runs `plimsoll explain-log` as users do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { plimsoll } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-log-'));
afterAll(() => rmSync(scratch, { recursive: true }));

// https://github.com/vllm-project/vllm/issues/27116 and others have these lines; the numbers are those of Qwen3-8B on
// 24 GB.
const log = `(APIServer pid=1) INFO 10-08 20:33:40 [api_server.py:1351] vLLM API server version 0.19.0
(APIServer pid=1) INFO 10-08 20:33:40 [utils.py:233] non-default args: {'model_tag': '/models/Qwen3-8B', 'model': '/models/Qwen3-8B', 'gpu_memory_utilization': 0.85}
INFO 10-08 20:33:41 [cuda.py:10] NVIDIA GeForce RTX 4090
(EngineCore_DP0 pid=18799) INFO 10-08 20:33:45 [gpu_model_runner.py:2653] Model loading took 15.2683 GiB and 2.5 seconds
(EngineCore_DP0 pid=18799) INFO 10-08 20:33:47 [gpu_worker.py:298] Available KV cache memory: 4.50 GiB
(EngineCore_DP0 pid=18799) ERROR 10-08 20:33:48 [core.py:708] ValueError: To serve at least one request with the models's max seq len (40960), (5.62 GiB KV cache is needed, which is larger than the available KV cache memory (4.50 GiB). Based on the available memory, the estimated maximum model length is 32768.
`;

test('a log on standard input: printed and planned figures, the error, and flags that start', () => {
  const { code, out, err } = plimsoll(['explain-log'], log);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatchInlineSnapshot(`
    "vLLM 0.19.0: Qwen/Qwen3-8B on rtx-4090
    --gpu-memory-utilization 0.85

               printed    planned
    weights  15.27 GiB  15.27 GiB   -0.0 %
    kvCache   4.50 GiB   3.99 GiB  -11.3 %

    What went wrong (line 6): a sequence of 40960 tokens, the longest that the server
    accepts, is larger than the KV cache: its cache needs 5.62 GiB and 4.50 GiB are left.

    What starts, as planned:
      --max-model-len 32768
      --gpu-memory-utilization 0.90
      --kv-cache-dtype fp8

    The first of them as a command:
      vllm serve /models/Qwen3-8B --max-model-len 32768 --gpu-memory-utilization 0.85
    "
  `);
});

test('the JSON conforms to its schema, and every listed change starts', () => {
  const { out } = plimsoll(['explain-log', '--json', '-'], log);
  const found = outputSchemas['explain-log'].parse(JSON.parse(out));
  expect(found).toMatchObject({
    engine: 'vllm',
    release: '0.19.0',
    model: 'Qwen/Qwen3-8B',
    hardware: 'rtx-4090',
    error: { code: 'length-above-pool', line: 6 },
    notUnderstood: [],
  });
  expect(found.changes.map(({ flags }) => flags)).toContain('--max-model-len 32768');
  expect(found.changes.every(({ starts }) => starts)).toBe(true);
});

test('names missing facts, and reads them from flags', () => {
  const anonymous = log.replaceAll('/models/Qwen3-8B', '/models/mine').replace(/.*RTX 4090\n/, '');
  const { code, out } = plimsoll(['explain-log', '--json'], anonymous);
  expect(code).toBe(0);
  const found = outputSchemas['explain-log'].parse(JSON.parse(out));
  expect(found.notUnderstood.join()).toMatch(/--gpu/);
  expect(found.figures).toEqual([
    { name: 'weights', unit: 'GiB', printed: 15.2683, planned: null },
    { name: 'kvCache', unit: 'GiB', printed: 4.5, planned: null },
  ]);
  const named = plimsoll(['explain-log', '--json', '--gpu', 'rtx-3090', '--model', 'qwen3-8b'], anonymous);
  expect(JSON.parse(named.out)).toMatchObject({ hardware: 'rtx-3090', model: 'Qwen/Qwen3-8B' });
});

test('a log from PowerShell, binary junk, a text of no engine, and a missing file', () => {
  const file = join(scratch, 'utf16.log');
  writeFileSync(file, Buffer.from(`\ufeff${log}`, 'utf16le'));
  expect(plimsoll(['explain-log', file]).out).toContain('Qwen/Qwen3-8B on rtx-4090');
  const junk = plimsoll(['explain-log', '--json'], 'hello\nworld\u0000\u0001\n');
  expect(junk.code).toBe(1);
  expect(JSON.parse(junk.out)).toMatchObject({ error: { code: 'log-not-understood', value: 2 } });
  expect(plimsoll(['explain-log', join(scratch, 'none.log')]).err).toContain('cannot be read');
  expect(plimsoll(['explain-log', scratch]).err).toContain('is a directory');
});
