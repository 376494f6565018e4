/** Figures of speed beyond what was asked, by source and engine, with the reason where it is known. */
import { type Comparison, statistics } from './figures.ts';
import { idOf, type RawRecord, textOf } from './log-file.ts';
import { percent, signedPercent, table } from './markdown.ts';

/** Median errors that were asked of predictions under load. */
const asked: Readonly<Record<string, number>> = {
  ttft_ms: 0.3,
  tpot_ms: 0.15,
  itl_ms: 0.15,
  output_tokens_per_s: 0.15,
  total_tokens_per_s: 0.15,
  requests_per_s: 0.15,
};

/** Groups of fewer figures say nothing about a cause. */
const figuresMin = 3;

interface Reason {
  /** Part of the source's name. */
  readonly source: string;
  readonly words: string;
}

const reasons: readonly Reason[] = [
  {
    source: 'pd_ratio',
    words:
      'Disaggregated workers. The same layout prefills 63,000 to 146,000 tokens/s, depending on the run: later runs seem to find prompts of earlier ones in the prefix cache, and the records state no hit rate.',
  },
  {
    source: 'deepseek-r1-benchmark',
    words:
      'DeepSeek-R1 on releases of early 2025, whose prefill of latent attention was several times as slow as that of later ones. One source alone measured it, so no other source can check the factors of these releases: without them the errors are those of a source that was kept back. A TTFT of 17 minutes at 6,400 output tokens is a queue for the cache.',
  },
  {
    source: 'ai-dynamo/aiconfigurator',
    words:
      'The file does not say whether a value is a mean or a median, how a run warmed up, or whether drafts ran: the TTFT of SGLang with DeepSeek-V3 on B200 and prompts of 1,024 tokens is 0.6 s at 16 clients and 8.6 s at 32; TensorRT-LLM with DeepSeek-R1 on eight H200 takes 23 ms per token at 128 clients with experts on single devices, less than one read of the touched experts. Llama-3.1-8B under SGLang with 512 clients takes twice the predicted time on four and eight devices, so its steps probably ran without CUDA graphs.',
  },
  {
    source: 'docs.vultr.com',
    words: 'The run of one client has a longer TTFT than the runs of 8 and 16, so it includes a warm-up.',
  },
  {
    source: 'vllm-project.github.io',
    words: 'Arc Pro cards, whose kernels no other source measured, and prompts of 20,000 tokens.',
  },
  {
    source: 'vllm-project/recipes',
    words:
      'Sample outputs of single runs: saturated queues, draft tokens whose acceptance is not stated, experts in four bits.',
  },
  {
    source: 'AWS Machine Learning Blog',
    words:
      'ShareGPT prompts without a limit of clients: the shape of the queue decides, and the lengths are means.',
  },
  { source: 'backprop-ai', words: 'Lengths of the prompts are not stated.' },
  { source: 'mit-han-lab/llm-awq', words: 'Engines without a scheduler, measured at one prompt.' },
];

export function speedMisses(records: readonly RawRecord[], found: readonly Comparison[]): string {
  const sourceOf = new Map(records.map((record) => [idOf(record), textOf(record, 'source') ?? '']));
  const engineOf = new Map(records.map((record) => [idOf(record), textOf(record, 'engine') ?? '']));
  const groups = Map.groupBy(found, ({ id, field }) => {
    const source = (sourceOf.get(id) ?? '').replace(/@[0-9a-f]{6,}/, '').slice(0, 70);
    return JSON.stringify([field, source, (engineOf.get(id) ?? '').split(' ')[0]]);
  });
  const rows = [...groups].flatMap(([key, errors]) => {
    const [field = '', source = '', engine = ''] = JSON.parse(key) as string[];
    const { medianError, bias } = statistics(errors) ?? { medianError: 0, bias: 0 };
    const limit = asked[field];
    if (limit === undefined || errors.length < figuresMin || medianError <= limit) return [];
    const cells = [`\`${field}\``, `${source}, ${engine}`, String(errors.length), percent(medianError)];
    return [{ count: errors.length, cells: [...cells, signedPercent(bias)], source }];
  });
  rows.sort((left, right) => right.count - left.count);
  const named = reasons.filter((reason) => rows.some(({ source }) => source.includes(reason.source)));
  const limits = Object.entries(asked).map(([field, limit]) => `\`${field}\` ${percent(limit)}`);
  return [
    `Groups of at least ${figuresMin} figures whose median error is above what was asked (${limits.join(', ')}):`,
    table(
      ['figure', 'source and engine', 'n', 'median', 'bias'],
      rows.map(({ cells }) => cells),
    ),
    named.map(({ source, words }) => `- **${source}**: ${words}`).join('\n'),
  ].join('\n\n');
}
