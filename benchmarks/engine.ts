/**
 * Speed of the engine compared with llama.cpp: prefill, decode, share of the memory's bandwidth, load, and first token.
 *
 *     npm run bench -- engine [--quick] [--models 135M,1B] [--formats q8_0,q4_0,q4_K_M] [--engines plimsoll]
 *                             [--threads 2] [--json]
 *
 * The peers are node-llama-cpp (prebuilt, as a TypeScript program would install it) and llama-cpp-python (compiled for
 * this machine, or the package of PLIMSOLL_LLAMA_PYTHON); the first run installs both. A full run of all models takes
 * about an hour, needs 12 GB of disk for the model files, and writes benchmarks/results; a run with --quick or a choice
 * of models, formats, engines or threads only prints.
 */
import { parseArgs } from 'node:util';
import { bandwidthMeter } from './engine/bandwidth.ts';
import type { EngineRecord, ModelResult } from './engine/engine-record.ts';
import { firstToken } from './engine/first-token.ts';
import { loadTimes } from './engine/loading.ts';
import { type Contender, contenders, type EngineName, engineNames } from './engine/peers.ts';
import { randomModel } from './engine/random-model.ts';
import { renderRecord } from './engine/report.ts';
import { type MixtureName, mixtures, type Shape, shapes } from './engine/shapes.ts';
import { type TurnCounts, takeTurns } from './engine/turns.ts';
import { chosen, threadCount } from './record/choices.ts';
import { previousRecord, writeRecord } from './record/record-files.ts';
import { runBenchmark } from './record/run-benchmark.ts';
import { describeRun } from './record/run-description.ts';

const usualThreads = 2;
const fullCounts = {
  repetitions: 5,
  promptTokens: 512,
  decodeTokens: 128,
  loadRounds: 3,
  firstTokenRuns: 10,
};
const quickCounts = { repetitions: 3, promptTokens: 512, decodeTokens: 64, loadRounds: 1, firstTokenRuns: 3 };
/** Prompt, output, and the rest of a block of 256, to which llama.cpp rounds. */
const context = 768;

interface Choice {
  readonly isQuick: boolean;
  readonly isJson: boolean;
  readonly shapes: readonly Shape[];
  readonly mixtures: readonly MixtureName[];
  readonly engines: readonly EngineName[];
  readonly threads: number;
}

function parseChoice(): Choice {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      models: { type: 'string' },
      formats: { type: 'string' },
      engines: { type: 'string' },
      threads: { type: 'string' },
    },
  });
  const shapeNames = shapes.map(({ name }) => name);
  const names = chosen('--models', values.models ?? (values.quick ? '135M' : undefined), shapeNames);
  return {
    isQuick: values.quick,
    isJson: values.json,
    shapes: shapes.filter(({ name }) => names.includes(name)),
    mixtures: chosen('--formats', values.formats, mixtures),
    engines: chosen('--engines', values.engines, engineNames),
    threads: threadCount(values.threads, usualThreads),
  };
}

async function measureModels(
  choice: Choice,
  taking: readonly Contender[],
  counts: TurnCounts & { readonly loadRounds: number },
): Promise<readonly ModelResult[]> {
  const { threads } = choice;
  const settings = { threads, context, batch: 512 };
  const ours = taking.find(({ name }) => name === 'plimsoll')?.program ?? null;
  const results: ModelResult[] = [];
  for (const shape of choice.shapes) {
    for (const mixture of choice.mixtures) {
      const model = randomModel(shape, mixture);
      process.stderr.write(`${shape.name} ${mixture}\n`);
      const meter = await bandwidthMeter(threads);
      const turns = await takeTurns(model, taking, { counts, settings, meter });
      await meter.close();
      const loads = ours !== null && !('refused' in (turns.engines.plimsoll ?? {}));
      const load = loads ? await loadTimes(ours, model.path, { settings, rounds: counts.loadRounds }) : null;
      results.push({ ...turns, load });
    }
  }
  return results;
}

async function main(): Promise<void> {
  const choice = parseChoice();
  const counts = choice.isQuick ? quickCounts : fullCounts;
  const run = describeRun('engine', process.argv.slice(2));
  const taking = contenders(choice.engines);
  const models = await measureModels(choice, taking, counts);
  const { repetitions, promptTokens, decodeTokens } = counts;
  const [smallest] = shapes;
  const record: EngineRecord = {
    run,
    settings: { threads: choice.threads, repetitions, promptTokens, decodeTokens },
    leftOut: Object.fromEntries(
      taking.flatMap(({ name, reason }) => (reason === null ? [] : [[name, reason]])),
    ),
    models,
    firstToken:
      smallest === undefined || !choice.engines.includes('plimsoll')
        ? { refused: 'our engine takes no part' }
        : await firstToken(randomModel(smallest, 'q8_0'), counts.firstTokenRuns),
  };
  const isFull =
    !choice.isQuick &&
    choice.threads === usualThreads &&
    choice.shapes.length === shapes.length &&
    choice.mixtures.length === mixtures.length &&
    choice.engines.length === engineNames.length;
  const text = renderRecord(record, isFull ? previousRecord<EngineRecord>('engine') : null);
  process.stdout.write(choice.isJson ? `${JSON.stringify(record, null, 2)}\n` : text);
  if (isFull) writeRecord('engine', record, text);
}

await runBenchmark(main);
