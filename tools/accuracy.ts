/**
 * Writes docs/accuracy.md: compares the planner, a spreadsheet and mlsysim with the logs of engines.
 *
 *     node tools/accuracy.ts --vllm FILE --llama-cpp FILE [--sglang FILE] [--tensorrt-llm FILE] [--performance FILE]
 *         [--field FILE] [--commit HASH] [--output FILE]
 *
 * The files are lists of records as `plimsoll validate` reads them; --field takes public reports, whose questions are in
 * accuracy/field-questions.json. `--mlsysim-questions FILE` writes only the
 * questions that tools/reference/mlsysim-logs.py answers.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { PlimsollError } from '@plimsoll/foundation';
import { validateFile } from '../apps/plimsoll/src/commands/validate.ts';
import { baselineSection, mlsysimQuestions } from './accuracy/baseline-section.ts';
import { fieldSection } from './accuracy/field-section.ts';
import { llamaCppComparisons, llamaCppSection } from './accuracy/llama-cpp-section.ts';
import { readLogFile } from './accuracy/log-file.ts';
import { namedQuestion } from './accuracy/mlsysim.ts';
import { modelSection, sourceSection } from './accuracy/model-section.ts';
import { performanceSection } from './accuracy/performance-section.ts';
import { type PoolEngine, poolComparisons, poolSection } from './accuracy/pool-section.ts';
import { targetSection } from './accuracy/target-section.ts';
import { vllmComparisons, vllmSection } from './accuracy/vllm-section.ts';

interface Files {
  readonly vllm: string;
  readonly llamaCpp: string;
  readonly sglang: string | undefined;
  readonly tensorrtLlm: string | undefined;
  readonly performance: string | undefined;
  readonly field: string | undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      vllm: { type: 'string' },
      'llama-cpp': { type: 'string' },
      sglang: { type: 'string' },
      'tensorrt-llm': { type: 'string' },
      performance: { type: 'string' },
      field: { type: 'string' },
      commit: { type: 'string' },
      output: { type: 'string', default: join(import.meta.dirname, '../docs/accuracy.md') },
      'mlsysim-questions': { type: 'string' },
    },
  });
  const { vllm, 'llama-cpp': llamaCpp, sglang, 'tensorrt-llm': tensorrtLlm, performance, field } = values;
  if (vllm === undefined || llamaCpp === undefined) {
    throw new PlimsollError({
      code: 'missing-log-files',
      message: 'two files of records are needed: --vllm FILE and --llama-cpp FILE',
      value: process.argv.slice(2).join(' '),
      limit: 'JSON lists of records as `plimsoll validate` reads them',
    });
  }
  const questions = values['mlsysim-questions'];
  if (questions !== undefined) {
    const asked = mlsysimQuestions(readLogFile(vllm), readLogFile(llamaCpp)).map(namedQuestion);
    writeFileSync(questions, JSON.stringify(asked));
    return;
  }
  const files = { vllm, llamaCpp, sglang, tensorrtLlm, performance, field };
  writeFileSync(values.output, await report(files, values.commit ?? headCommit()));
}

async function report(files: Files, commit: string): Promise<string> {
  const vllm = readLogFile(files.vllm);
  const llamaCpp = readLogFile(files.llamaCpp);
  const performance = files.performance === undefined ? [] : readLogFile(files.performance);
  const validation = await validateFile(files.vllm);
  const llamaCppValidation = await validateFile(files.llamaCpp);
  const pools = await poolEngines(files);
  const logs = [vllm, llamaCpp, ...pools.map(({ records }) => records), performance];
  const vllmFound = vllmComparisons(vllm, validation);
  const llamaCppFound = llamaCppComparisons(llamaCpp, llamaCppValidation);
  return `${[
    '# Accuracy',
    introduction(
      files,
      commit,
      logs.reduce((sum, { length }) => sum + length, 0),
    ),
    targetSection({ vllm: validation, vllmFound, llamaCpp: llamaCppValidation, llamaCppFound, pools }),
    baselineSection({ vllm, llamaCpp, validation, vllmFound, llamaCppFound }),
    vllmSection(vllm, validation, vllmFound),
    ...(files.field === undefined ? [] : [fieldSection(readLogFile(files.field))]),
    llamaCppSection(llamaCpp, llamaCppValidation, llamaCppFound),
    ...pools.map(poolSection),
    ...(files.performance === undefined
      ? []
      : [performanceSection(performance, await validateFile(files.performance))]),
    modelSection(),
    sourceSection([
      { title: 'vLLM', records: vllm },
      { title: 'llama.cpp', records: llamaCpp },
      ...pools,
      { title: 'Speed', records: performance },
    ]),
  ].join('\n\n')}\n`;
}

async function poolEngines({ sglang, tensorrtLlm }: Files): Promise<readonly PoolEngine[]> {
  const engines: PoolEngine[] = [];
  for (const [title, file] of [
    ['SGLang', sglang],
    ['TensorRT-LLM', tensorrtLlm],
  ] as const) {
    if (file === undefined) continue;
    const records = readLogFile(file);
    const validation = await validateFile(file);
    engines.push({ title, records, validation, found: poolComparisons(records, validation) });
  }
  return engines;
}

function introduction(files: Files, commit: string, records: number): string {
  const options = [
    `--vllm ${basename(files.vllm)}`,
    `--llama-cpp ${basename(files.llamaCpp)}`,
    ...(files.sglang === undefined ? [] : [`--sglang ${basename(files.sglang)}`]),
    ...(files.tensorrtLlm === undefined ? [] : [`--tensorrt-llm ${basename(files.tensorrtLlm)}`]),
    ...(files.performance === undefined ? [] : [`--performance ${basename(files.performance)}`]),
    ...(files.field === undefined ? [] : [`--field ${basename(files.field)}`]),
  ];
  const date = new Date().toISOString().slice(0, 10);
  return [
    'How far the planner is from what real engines printed. This page is generated; every figure is computed by the code that answers `plimsoll plan`, from the inputs of each log alone.',
    `- Command: \`node tools/accuracy.ts ${options.join(' ')}\`\n- Date: ${date}, commit: ${commit} (a plus sign: with changes not committed)\n- Records: ${records}\n- Errors are |predicted - printed| / |printed|; bias is the mean of the signed errors, above zero when predictions are too large.`,
  ].join('\n\n');
}

/** Short hash, with a plus sign if the sources differ from the commit. */
function headCommit(): string {
  try {
    const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'packages', 'apps', 'tools');
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof PlimsollError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
