/** Our own engine as a process under measurement; measured-process.ts defines the protocol. */
import { statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createEngine, openModel } from '@plimsoll/engine';
import { GiB } from '@plimsoll/foundation';
import type { EngineSettings, Measurement } from './measured-process.ts';

interface Question {
  readonly prompt: readonly number[];
  readonly decode: number;
}

const [path = '', settingsText = '{}'] = process.argv.slice(2);
const { threads, context, batch } = JSON.parse(settingsText) as EngineSettings;
const started = performance.now();
const model = await openModel(path);
const engine = await createEngine({
  model,
  // Room for weights whose format in memory is larger than in the file; the rest stays free.
  memoryBytes: 2 * statSync(path).size + GiB,
  options: { threads, contextMax: context, prefillChunkTokens: batch },
  prefixCaching: false,
});
const loadSeconds = (performance.now() - started) / 1000;
print({ name: 'plimsoll', version: engine.kernelPath, loadSeconds });

for await (const line of createInterface({ input: process.stdin })) {
  print(await measure(JSON.parse(line) as Question));
}
await engine.close();

async function measure({ prompt, decode }: Question): Promise<Measurement> {
  const tokens: number[] = [];
  const start = performance.now();
  let first = start;
  const pieces = engine.generateStream({
    prompt,
    maxTokens: 1 + decode,
    sampling: { temperature: 0 },
    ignoreEnd: true,
  });
  for await (const { token } of pieces) {
    if (tokens.length === 0) first = performance.now();
    if (token !== null) tokens.push(token);
  }
  const end = performance.now();
  return { prefillSeconds: (first - start) / 1000, decodeSeconds: (end - first) / 1000, tokens };
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
