/**
 * Writes docs/engine-accuracy.md: measures the loss of our engine on a text with quantised weights and caches.
 *
 *   node tools/engine-accuracy.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defined, formatCount, MiB } from '@plimsoll/foundation';
import { createEngine, openModel } from '../packages/engine/src/index.ts';
import { readReferenceFixture } from '../packages/engine/src/reference-fixtures.ts';
import { meanLoss } from '../packages/engine/src/reference-loss.ts';
import { table } from './accuracy/markdown.ts';

const root = join(import.meta.dirname, '..');
/** The fixtures that state a loss: transformers computed it in float32 from the dequantised weights. */
const fixtureNames = ['llama-3', 'llama-k-quants'];
const caches = [
  ['fp32', 'f32'],
  ['fp16', 'f16'],
  ['q8_0', 'q8_0'],
] as const;

interface Measured {
  readonly cells: readonly string[];
  readonly tokens: number;
  readonly kernels: string;
}

async function measure(
  path: string,
  fixture: Awaited<ReturnType<typeof readReferenceFixture>>,
  exact: number,
) {
  const model = await openModel(path);
  const losses: number[] = [];
  let kernels = '';
  for (const [kvFormat] of caches) {
    const options = { contextMax: 640, prefillChunkTokens: 128, threads: 1, stagingBytes: 0, kvFormat };
    const engine = await createEngine({ model, memoryBytes: 512 * MiB, tokenizer: null, options });
    losses.push(await meanLoss(engine, fixture.textTokens));
    kernels = engine.kernelPath;
    await engine.close();
  }
  const drifts = losses.map((loss) => `${loss < exact ? '-' : '+'}${Math.abs(loss - exact).toFixed(5)}`);
  const cells = [exact.toFixed(5), Math.exp(exact).toFixed(2), ...drifts];
  return { cells, tokens: fixture.textTokens.length, kernels } satisfies Measured;
}

const rows: (readonly string[])[] = [];
let last: Measured | null = null;
for (const name of fixtureNames) {
  const fixture = await readReferenceFixture(join(root, 'fixtures/engine', name));
  for (const { perplexity, files } of Object.values(fixture.meanings)) {
    if (perplexity === null || perplexity === undefined) continue;
    for (const file of files.filter((one) => one.endsWith('.gguf'))) {
      const path = join(root, 'fixtures/engine', name, file);
      last = await measure(path, fixture, perplexity.negativeLogLikelihood);
      rows.push([`${name}/${file}`, ...last.cells]);
    }
  }
}
const { tokens, kernels } = defined(last, 'a fixture states its loss');
const header = ['file', 'exact loss', 'perplexity', ...caches.map(([, name]) => `drift, KV ${name}`)];

writeFileSync(
  join(root, 'docs/engine-accuracy.md'),
  `# What quantisation costs the engine

Mean loss (nats per token) on the ${formatCount(tokens)} tokens of [the text](../fixtures/engine/perplexity.txt), by random models
of one to three layers ([fixtures](../fixtures/engine/README.md)). "Exact" is Hugging Face transformers in float32 with the
weights as the file's format rounds them; the drift is what our kernels add to it: activations in 8 bits instead of floats
where weights are quantised, as in llama.cpp, and keys and values in the cache's format. What rounding the weights costs is the
difference between exact losses of one model; on weights at random it goes either way and says nothing about trained ones. A
test refuses a drift above 0.01 with the cache in f32.

${table(header, rows)}

Kernels: ${kernels}. Written by \`node tools/engine-accuracy.ts\`; not edited by hand.
`,
);
