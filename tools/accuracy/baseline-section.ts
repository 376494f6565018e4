/** The same logs predicted by a spreadsheet and by mlsysim: shows the worth of the parts that they leave out. */
import type { Validation } from '@plimsoll/planner/validation';
import { type Comparison, compare, type Figures, type Predictions, statistics } from './figures.ts';
import { type LlamaCppFacts, llamaCppFacts } from './llama-cpp-facts.ts';
import type { LlamaCppComparisons } from './llama-cpp-section.ts';
import { idOf, type RawRecord } from './log-file.ts';
import { percent, signedPercent, table } from './markdown.ts';
import {
  llamaCppQuestion,
  type MlsysimAnswers,
  type MlsysimQuestion,
  readMlsysimAnswers,
  vllmQuestion,
} from './mlsysim.ts';
import { spreadsheetForLlamaCpp, spreadsheetForVllm } from './spreadsheet.ts';
import { type VllmFacts, vllmFacts } from './vllm-facts.ts';
import { fitsInLog, fitsInPlan, type VllmComparisons } from './vllm-section.ts';

interface Baselines {
  readonly spreadsheet: Predictions;
  readonly mlsysim: MlsysimAnswers;
}

interface Facts {
  readonly vllm: readonly VllmFacts[];
  readonly llamaCpp: readonly LlamaCppFacts[];
}

function factsOf(vllm: readonly RawRecord[], llamaCpp: readonly RawRecord[]): Facts {
  return {
    vllm: vllm.map(vllmFacts).filter((facts) => facts !== null),
    llamaCpp: llamaCpp.map(llamaCppFacts),
  };
}

export function mlsysimQuestions(
  vllm: readonly RawRecord[],
  llamaCpp: readonly RawRecord[],
): readonly MlsysimQuestion[] {
  const facts = factsOf(vllm, llamaCpp);
  return [...facts.vllm.map(vllmQuestion), ...facts.llamaCpp.map(llamaCppQuestion)];
}

function baselines(vllm: readonly RawRecord[], llamaCpp: readonly RawRecord[]): Baselines {
  const facts = factsOf(vllm, llamaCpp);
  return {
    spreadsheet: new Map<string, Figures>([
      ...facts.vllm.map((item) => [item.id, spreadsheetForVllm(item)] as const),
      ...facts.llamaCpp.map((item) => [item.id, spreadsheetForLlamaCpp(item)] as const),
    ]),
    mlsysim: readMlsysimAnswers(mlsysimQuestions(vllm, llamaCpp)),
  };
}

interface Row {
  readonly name: string;
  readonly field: string;
  readonly records: readonly RawRecord[];
  readonly ours: readonly Comparison[];
}

export function baselineSection(input: {
  readonly vllm: readonly RawRecord[];
  readonly llamaCpp: readonly RawRecord[];
  readonly validation: Validation;
  readonly vllmFound: VllmComparisons;
  readonly llamaCppFound: LlamaCppComparisons;
}): string {
  const { vllm, llamaCpp, vllmFound } = input;
  const { spreadsheet, mlsysim } = baselines(vllm, llamaCpp);
  const mainline = input.llamaCppFound.get('mainline') ?? [];
  const inMainline = new Set(mainline.map(({ id }) => id));
  const mainlineRecords = llamaCpp.filter((record) => inMainline.has(idOf(record)));
  const pick = (comparisons: readonly Comparison[], field: string): readonly Comparison[] =>
    comparisons.filter((comparison) => comparison.field === field);
  const knows = (comparisons: readonly Comparison[]): readonly RawRecord[] => {
    const ids = new Set(comparisons.map(({ id }) => id));
    return vllm.filter((record) => ids.has(idOf(record)));
  };
  const tokens = pick(vllmFound.givenCache, 'kv_tokens');
  const weights = pick(vllmFound.memory, 'weights_gib');
  const rows: readonly Row[] = [
    { name: 'vLLM: weights, GiB', field: 'weights_gib', records: knows(weights), ours: weights },
    {
      name: 'vLLM: available cache, GiB (utilisation stated)',
      field: 'kv_cache_gib',
      records: knows(vllmFound.knownUtilization),
      ours: vllmFound.knownUtilization,
    },
    { name: 'vLLM: tokens in the stated GiB', field: 'kv_tokens', records: knows(tokens), ours: tokens },
    {
      name: 'llama.cpp mainline: model buffers, MiB',
      field: 'model_buffers_mib',
      records: mainlineRecords,
      ours: pick(mainline, 'model_buffers_mib'),
    },
    {
      name: 'llama.cpp mainline: cache, MiB',
      field: 'kv_self_size_mib',
      records: mainlineRecords,
      ours: pick(mainline, 'kv_self_size_mib'),
    },
  ];
  const others = [spreadsheet, mlsysim.given, mlsysim.imported];
  const cells = (comparisons: readonly Comparison[]): string => {
    const found = statistics(comparisons);
    return found === null
      ? 'no answer'
      : `${percent(found.medianError)} / ${percent(found.p90Error)} (n ${found.count}, bias ${signedPercent(found.bias)})`;
  };
  return [
    '## The same logs by a spreadsheet and by mlsysim',
    `Median error / 90th percentile. The spreadsheet is the usual one: parameters x bits / 8, 2 x layers x kv heads x (hidden / heads) x bytes, utilisation x memory - weights (tools/accuracy/spreadsheet.ts). mlsysim 0.3.0 is asked in two ways: with a workload built for it from counted parameters, the real head size and latent ranks; and with what its own Hugging Face import makes of the same config.json. Both are helped where they have no notion of their own: division by the number of devices, the stated utilisation, a cache type other than the weights' type. Counts differ because not every program has an answer for every record. Neither says anything about activation peaks, compute buffers, runtime memory or blocks.`,
    table(
      ['figure', 'Plimsoll', 'spreadsheet', 'mlsysim, parameters given', 'mlsysim, its own import'],
      rows.map(({ name, field, records, ours }) => [
        name,
        cells(ours),
        ...others.map((predictions) => cells(compare(records, predictions, [field]))),
      ]),
    ),
    'Does one sequence of the longest accepted context fit? Answers against what the engine found at start-up:',
    fitsTable(vllm, input.validation, others),
    staleNote(mlsysim),
  ].join('\n\n');
}

function fitsTable(
  vllm: readonly RawRecord[],
  validation: Validation,
  others: readonly Predictions[],
): string {
  const answersOf = (answer: (id: string) => unknown): readonly string[] => {
    const counts = { right: 0, falseYes: 0, falseNo: 0, none: 0 };
    for (const record of vllm) {
      const truth = fitsInLog(record);
      if (truth === null) continue;
      const said = answer(idOf(record));
      if (typeof said !== 'boolean') counts.none += 1;
      else if (said === truth) counts.right += 1;
      else if (said) counts.falseYes += 1;
      else counts.falseNo += 1;
    }
    return [counts.right, counts.falseYes, counts.falseNo, counts.none].map(String);
  };
  const names = ['spreadsheet', 'mlsysim, parameters given', 'mlsysim, its own import'];
  return table(
    ['', 'right', 'said yes, did not fit', 'said no, fitted', 'no answer'],
    [
      ['Plimsoll', ...answersOf((id) => fitsInPlan(validation, id))],
      ...others.map((predictions, index) => [
        names[index] ?? '',
        ...answersOf((id) => predictions.get(id)?.fits),
      ]),
    ],
  );
}

function staleNote({ questions, answered }: MlsysimAnswers): string {
  const how =
    "mlsysim's answers are stored in fixtures/mlsysim/log-answers.json; to make them again, run this program with `--mlsysim-questions questions.json` and then `tools/reference/mlsysim-logs.py questions.json` with mlsysim 0.3.0.";
  return answered === questions
    ? how
    : `${how} ${questions - answered} of ${questions} questions have changed since and are left out.`;
}
