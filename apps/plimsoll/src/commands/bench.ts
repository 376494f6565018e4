/**
 * `plimsoll bench`: measures prompt processing and generation in tokens per second, with the columns and the tests of
 * llama-bench (https://github.com/ggml-org/llama.cpp/tree/master/tools/llama-bench), so that tables are comparable.
 */

import type { Engine } from '@plimsoll/engine';
import { defined, monotonicClock, PlimsollError } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { Command, Option } from 'commander';
import { engineModelWords } from '../engine-model.ts';
import { addEngineFlags, type EngineFlags, startEngine } from '../engine-start.ts';
import { countsFlag, wholeFlag } from '../flag-values.ts';
import { Interruption, interruptedExitCode } from '../interruption.ts';
import { printJson, printText } from '../output.ts';
import { heldBytes } from '../render/answer-text.ts';
import { type BenchTest, renderBench } from '../render/bench-table.ts';
import { measureRows, type RowTime } from '../row-times.ts';
import { StepTimes, stepPredictor } from '../step-times.ts';
import { describeWeights } from '../weights-description.ts';

interface BenchFlags extends EngineFlags {
  readonly prompt: readonly number[];
  readonly generate: readonly number[];
  readonly repetitions: number;
  readonly warmup: boolean;
  readonly steps?: boolean;
  readonly rows?: readonly number[];
  readonly json?: boolean;
}

export function benchCommand(done: (exitCode: number) => void): Command {
  const command = new Command('bench')
    .description('Measure the speed of prompt processing and generation, like llama-bench')
    .argument('<model>', engineModelWords)
    .addOption(
      new Option('-p, --prompt <tokens>', 'prompt lengths, separated by commas; 0 leaves the test out')
        .argParser(countsFlag('-p'))
        .default([512], '512'),
    )
    .addOption(
      new Option('-n, --generate <tokens>', 'output lengths, separated by commas; 0 leaves the test out')
        .argParser(countsFlag('-n'))
        .default([128], '128'),
    )
    .option('-r, --repetitions <count>', 'measured runs of each test', wholeFlag('-r', 1, 1000), 5)
    .option('--no-warmup', 'measure the first run too')
    .option('--steps', "also print the time of each kind of step and the planner's prediction")
    .addOption(
      new Option(
        '--rows <counts>',
        'also measure steps with one token of each of 1, 2, 4, ... sequences',
      ).argParser(countsFlag('--rows', 1)),
    );
  return addEngineFlags(command)
    .option('--json', 'print every run as JSON (plimsoll schema bench)')
    .addHelpText(
      'after',
      `
pp N computes a prompt of N random tokens with an empty cache. tg N generates N tokens after one random token, in N
steps. Each test runs once before it is measured. The column t/s has the mean and the standard deviation of the runs.

--steps adds a table with the median time of each kind of step, and the planner's prediction for generic-cpu. --draft
measures tg with a draft model and greedy sampling; the gain depends on the text, which starts with a random token here.
--rows 1,2,4,8 adds a table with the median time of a step that computes one token of each of 1, 2, 4 and 8 sequences.

Example:
  plimsoll bench ./model.gguf -p 512 -n 128 -r 5`,
    )
    .action(async (path: string, flags: BenchFlags) => done(await bench(path, flags)));
}

async function bench(path: string, flags: BenchFlags): Promise<number> {
  const shapes = shapesOf(flags);
  const interruption = new Interruption();
  const longest = Math.max(1 + rowTokensOf(flags), ...shapes.map(({ prompt, output }) => prompt + output));
  const { engine, limit } = await startEngine(path, flags, {
    ...(flags.ctx === undefined && { contextMax: longest }),
    needsTokenizer: false,
    prefixCaching: false,
    ...(flags.rows !== undefined && { serving: { sequencesMax: Math.max(...flags.rows) } }),
  });
  try {
    const tests: BenchTest[] = [];
    let rows: readonly RowTime[] | null = null;
    const stepTimes = flags.steps === true ? new StepTimes(engine, await stepPredictor(engine)) : null;
    await interruption.during(async (signal) => {
      for (const shape of shapes) tests.push(await measure(engine, shape, { ...flags, signal, stepTimes }));
      if (flags.rows === undefined) return;
      rows = await measureRows(engine, {
        rows: flags.rows,
        outputTokens: rowTokensOf(flags),
        repetitions: flags.repetitions,
        signal,
      });
    });
    const { settings } = defined(engine.memory.adoptedPlan, 'a running engine has a plan');
    const facts = {
      ...describeWeights(engine.model.spec),
      backend: engine.kernelPath,
      threads: settings.threads,
      kvType: settings.kvFormat,
      draft: flags.draft ?? null,
      draftTokens: settings.draft?.tokens ?? 0,
    };
    if (flags.json !== true) printText(renderBench(facts, tests, rows));
    else {
      printJson({
        ...facts,
        memory: { limitBytes: limit.bytes, heldBytes: heldBytes(engine.ledger()) },
        tests,
        rows,
      });
    }
    return 0;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return interruptedExitCode;
    throw error;
  } finally {
    interruption.close();
    await engine.close();
  }
}

/** Number of prompt tokens and of output tokens. The prompt's step gives the first output token. */
interface Shape {
  readonly name: string;
  readonly prompt: number;
  readonly output: number;
}

function shapesOf({ prompt, generate }: BenchFlags): readonly Shape[] {
  const shapes = [
    ...prompt.map((count) => ({ name: `pp${count}`, prompt: count, output: 1, counted: count })),
    ...generate.map((count) => ({ name: `tg${count}`, prompt: 1, output: count, counted: count })),
  ].filter(({ counted }) => counted > 0);
  if (shapes.length > 0) return shapes;
  throw new PlimsollError({
    code: 'nothing-to-measure',
    message: 'both -p and -n are 0',
    value: 0,
    hint: '-p 512 -n 128',
  });
}

/** Output tokens of each sequence of --rows: the longest of -n, because a step of one test stands for all. */
function rowTokensOf({ generate }: BenchFlags): number {
  return Math.max(2, ...generate);
}

interface Measuring {
  readonly repetitions: number;
  readonly warmup: boolean;
  readonly signal: AbortSignal;
  readonly stepTimes: StepTimes | null;
}

interface MeasuredRun {
  readonly seconds: number;
  /** Mean tokens per step with drafts; null without drafts. */
  readonly tokensPerStep: number | null;
}

async function measure(engine: Engine, shape: Shape, measuring: Measuring): Promise<BenchTest> {
  const { name, prompt, output } = shape;
  const counted = Math.max(prompt, output);
  const random = seededRandom(1);
  const once = async (): Promise<MeasuredRun> => {
    const ids = Array.from({ length: prompt }, () => randomInteger(random, 0, engine.model.graph.vocabSize));
    const startedAt = monotonicClock.now();
    const { choices } = await engine.generate({
      prompt: ids,
      maxTokens: output,
      ignoreEnd: true,
      sampling: { temperature: 0 },
      signal: measuring.signal,
    });
    const tokensPerStep = choices[0]?.speculation?.tokensPerStep ?? null;
    return { seconds: monotonicClock.now() - startedAt, tokensPerStep };
  };
  if (measuring.warmup) await once();
  measuring.stepTimes?.take();
  const measured: MeasuredRun[] = [];
  for (let run = 0; run < measuring.repetitions; run++) measured.push(await once());
  const rates = measured.map(({ seconds }) => counted / seconds);
  const steps = measured.flatMap(({ tokensPerStep }) => (tokensPerStep === null ? [] : [tokensPerStep]));
  return {
    test: name,
    promptTokens: prompt,
    outputTokens: output,
    tokensPerSecond: statistics(rates),
    runs: rates,
    steps: measuring.stepTimes?.take() ?? null,
    draftTokensPerStep: steps.length === 0 ? null : statistics(steps).mean,
  };
}

/** Mean and sample standard deviation, as in llama-bench; the deviation of a single run is 0. */
function statistics(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}
