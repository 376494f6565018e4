// node-llama-cpp as a process under measurement; benchmarks/engine/measured-process.ts defines the protocol. This file
// is JavaScript, because the type check of the workspace does not see this folder's packages.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';

const [modelPath, settingsText] = process.argv.slice(2);
const { threads, context: contextSize, batch: batchSize } = JSON.parse(settingsText);
const manifest = new URL('./node_modules/node-llama-cpp/package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8'));

// The prebuilt binary with its defaults: an f16 cache, and the library decides on flash attention.
const llama = await getLlama({
  gpu: false,
  build: 'never',
  maxThreads: threads,
  logLevel: LlamaLogLevel.error,
  progressLogs: false,
});
const started = performance.now();
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  contextSize,
  batchSize,
  threads: { ideal: threads, min: threads },
});
const sequence = context.getSequence();
const loadSeconds = (performance.now() - started) / 1000;
print({
  name: 'node-llama-cpp',
  version: `${version}, llama.cpp ${llama.llamaCppRelease.release}`,
  loadSeconds,
});

for await (const line of createInterface({ input: process.stdin })) {
  const { prompt, decode } = JSON.parse(line);
  await sequence.clearHistory();
  const tokens = [];
  const start = performance.now();
  let first = start;
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogTokens: true })) {
    if (tokens.length === 0) first = performance.now();
    tokens.push(token);
    if (tokens.length === 1 + decode) break;
  }
  const end = performance.now();
  print({ prefillSeconds: (first - start) / 1000, decodeSeconds: (end - first) / 1000, tokens });
}
await llama.dispose();

function print(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
