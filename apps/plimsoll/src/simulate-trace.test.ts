/** `plimsoll simulate` with a recorded trace. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { plimsoll } from './program.test-data.ts';

test('a trace with a bad row: refused with its line, or counted on request', () => {
  const at = mkdtempSync(join(tmpdir(), 'plimsoll-trace-'));
  onTestFinished(() => rmSync(at, { recursive: true }));
  const trace = join(at, 'trace.csv');
  writeFileSync(trace, 'timestamp_ms,prompt_tokens,output_tokens\n0,100,10\n250,many,5\n500,300,20\n');
  const scenario = join(at, 'scenario.yaml');
  writeFileSync(
    scenario,
    `model: meta-llama/Llama-3.1-8B-Instruct\nhardware: h100\nengine: vllm\nworkload: { arrivals: { trace: { file: ${trace} } } }\n`,
  );
  const refused = plimsoll(['simulate', scenario, '--json']);
  expect(refused.code).toBe(1);
  const { error } = outputSchemas.error.parse(JSON.parse(refused.out));
  expect(error).toMatchObject({ code: 'bad-trace', value: 'prompt_tokens' });
  expect(error.message).toContain('trace.csv:3: prompt_tokens: "many" is not a number');
  const { code, out } = plimsoll(['simulate', scenario, '--skip-bad-rows']);
  expect(code).toBe(0);
  expect(out).toContain('2 requests completed');
  expect(out).toContain('1 rows of the trace cannot be read');
});
