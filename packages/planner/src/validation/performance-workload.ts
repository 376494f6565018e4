/**
 * The workload that a benchmark record measured. Lengths and concurrency are fields; only `notes` and `quote` say what
 * the numbers mean ("PREFILL-ONLY", "STATIC batching", "DISAGGREGATED"), in the words of the people who collected the
 * records.
 */
import datasetFile from '@plimsoll/registry/engines/benchmark-datasets.json' with { type: 'json' };
import { numberField, objectField, type RawRecord, textField } from '../engines/contract/log-record.ts';

export type MeasuredWorkload =
  /** Prompt tokens per second of one prompt after `depth` cached tokens. */
  | { readonly kind: 'prefill'; readonly input: number; readonly depth: number }
  /** A fixed batch of decodes: tokens per second or time per token after `input` cached tokens. */
  | { readonly kind: 'decode'; readonly input: number; readonly output: number; readonly batch: number }
  /** A fixed batch from prompt to last token; `decodeOnly` if output_tokens_per_s excludes the prefill. */
  | {
      readonly kind: 'batch';
      readonly input: number;
      readonly output: number;
      readonly batch: number;
      readonly decodeOnly: boolean;
    }
  /** Clients that wait for an answer before they send the next request; Infinity for a queue that never empties. */
  | {
      readonly kind: 'loop';
      readonly input: number;
      readonly output: number;
      readonly concurrency: number;
      /** All requests have the same lengths, so that rounds stay together. */
      readonly equalLengths: boolean;
      /** Mean requests per second of an open loop, whose arrivals wait for no answer; null for clients that wait. */
      readonly requestsPerSecond: number | null;
      /** Requests of the whole run; null if the record does not state them. */
      readonly requests: number | null;
      /** False if the load generator leaves out the first requests of its clients, which start together. */
      readonly countsFirstWave: boolean;
      /** The statistic of the stated latencies. */
      readonly statistic: 'mean' | 'median';
      /** All requests are sent at once, and no client sends another. */
      readonly sentTogether: boolean;
      readonly limits: LatencyLimits | null;
      /** True if a queue dominates the measured TTFT; the record does not determine the length of the queue. */
      readonly ttftIsQueue: boolean;
    }
  /** Separate workers for prefill and decode. */
  | {
      readonly kind: 'split';
      readonly input: number;
      readonly output: number;
      readonly concurrency: number | null;
      readonly prefill: WorkerGroup;
      readonly decode: WorkerGroup;
    };

export interface LatencyLimits {
  readonly tpotSeconds: number;
}

export interface WorkerGroup {
  readonly workers: number;
  /** False if the record omits the number of workers and 1 is assumed. */
  readonly workersStated: boolean;
  readonly tensor: number;
  readonly data: number;
  readonly batch: number | null;
}

interface Dataset {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly tpotSecondsMax?: Readonly<Record<string, number>>;
}

const datasets: Readonly<Record<string, Dataset>> = datasetFile.datasets;

/** Reads the workload of a record, or returns the reason why the record does not tell it. */
export function workloadOf(
  record: RawRecord,
): MeasuredWorkload | { readonly kind: 'unknown'; readonly reason: string } {
  const fields = objectField(record, 'workload');
  const notes = textField(record, 'notes') ?? '';
  const measured = objectField(record, 'measured');
  const input = numberField(fields, 'input_len');
  const output = numberField(fields, 'output_len');
  const batch = numberField(fields, 'batch');
  const concurrency = numberField(fields, 'concurrency');
  if (notes.includes('PREFILL-ONLY')) {
    return { kind: 'prefill', input: input ?? 512, depth: numberIn(notes, /at context depth (\d+)/) ?? 0 };
  }
  if (/DISAGGREGATED|disaggregated prefill/.test(notes)) {
    return splitWorkload(record, { input, output, concurrency });
  }
  if (/batched-bench|STATIC batching/.test(notes) && input !== undefined && output !== undefined) {
    const decodeOnly = notes.includes('batched-bench');
    return { kind: 'batch', input, output, batch: batch ?? 1, decodeOnly };
  }
  const lone = (concurrency ?? batch) === 1 && numberField(measured, 'requests_per_s') === undefined;
  const isRate = numberField(measured, 'output_tokens_per_s') !== undefined;
  const isFirst = numberField(measured, 'ttft_ms') !== undefined;
  if (isFirst && !isRate && (output ?? 1) <= 1 && input !== undefined) {
    return { kind: 'prefill', input, depth: 0 };
  }
  if (lone && isRate && !isFirst) {
    // llama-bench counts the depth in the prompt length; a stated prompt of 0 is an empty cache.
    return { kind: 'decode', input: input ?? 0, output: output ?? 128, batch: 1 };
  }
  if (!isRate && !isFirst && numberField(measured, 'tpot_ms') !== undefined) {
    return { kind: 'decode', input: input ?? 0, output: output ?? 0, batch: batch ?? concurrency ?? 1 };
  }
  return loopWorkload(record, { input, output, concurrency, batch });
}

interface Lengths {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly concurrency: number | undefined;
  readonly batch?: number | undefined;
}

function loopWorkload(
  record: RawRecord,
  lengths: Lengths,
): MeasuredWorkload | { readonly kind: 'unknown'; readonly reason: string } {
  const notes = textField(record, 'notes') ?? '';
  const quote = textField(record, 'quote') ?? '';
  const stated = statedMeans(notes);
  const dataset = datasetOf(record, notes);
  const perSample = numberIn(notes, /TOKENS_PER_SAMPLE=([\d.]+)/);
  const input = lengths.input ?? stated?.input ?? dataset?.inputTokens;
  const output =
    endedOutput(record, lengths.output) ??
    lengths.output ??
    stated?.output ??
    perSample ??
    dataset?.outputTokens;
  if (input === undefined || output === undefined) {
    if (lengths.output === undefined) {
      return {
        kind: 'unknown',
        reason: 'the record states neither lengths nor a dataset with known lengths',
      };
    }
  }
  const scenario = /"Scenario": "(\w+)"/.exec(quote)?.[1];
  const tpotSeconds = scenario === undefined ? undefined : dataset?.tpotSecondsMax?.[scenario];
  // A stated number of prompts bounds the number of requests in flight.
  const sent =
    numberIn(notes, /(\d+) successful requests/) ??
    numberIn(notes, /(?:used )?(\d+) prompts\b/) ??
    numberIn(notes, /(\d+) requests, concurrency/);
  // If the record measures several replicas in parallel, its batch is per replica.
  const replicas = numberIn(notes, /(\d+) replica/) ?? 1;
  const clients = lengths.concurrency ?? (lengths.batch ?? Number.POSITIVE_INFINITY) * replicas;
  const requestsPerSecond = rateOf(record, clients);
  return {
    kind: 'loop',
    // A prompt without a stated length is taken as short: a chat template and a sentence.
    input: input ?? 32,
    output: output ?? 128,
    concurrency: Math.min(clients, sent ?? Number.POSITIVE_INFINITY),
    requestsPerSecond,
    requests: sent ?? null,
    // AIPerf and its predecessor measure after a warm-up, until the figures are stable.
    countsFirstWave: !/\bAIPerf\b|\bgenai-perf\b/i.test(notes),
    statistic: /(?<!means or )medians?\b/i.test(notes) ? 'median' : 'mean',
    sentTogether: /benchmark_throughput/.test(notes),
    equalLengths: /range ratio 1|benchmark_throughput|fixed ISL/.test(notes),
    limits: tpotSeconds === undefined ? null : { tpotSeconds },
    // Of an open loop, the number of requests tells how long the queue grows.
    ttftIsQueue:
      requestsPerSecond === null
        ? clients === Number.POSITIVE_INFINITY ||
          /queue-dominated|concurrency not stated|saturated/.test(notes)
        : sent === undefined,
  };
}

/** Answers below this share of the stated length ended by themselves; load generators draw longer ones. */
const endedShareMax = 0.75;

/** Returns the mean output tokens of a run whose answers ended before the stated length; undefined for other runs. */
function endedOutput(record: RawRecord, limit: number | undefined): number | undefined {
  const measured = objectField(record, 'measured');
  const requestRate = numberField(measured, 'requests_per_s');
  const tokenRate = numberField(measured, 'output_tokens_per_s');
  if (requestRate === undefined || tokenRate === undefined || limit === undefined) return undefined;
  const mean = tokenRate / requestRate;
  return mean >= 1 && mean < endedShareMax * limit ? mean : undefined;
}

/** A stated number of clients decides over a stated rate, as a load generator's limit of requests in flight does. */
function rateOf(record: RawRecord, clients: number): number | null {
  const rate = numberField(objectField(record, 'workload'), 'request_rate');
  return rate !== undefined && rate > 0 && clients === Number.POSITIVE_INFINITY ? rate : null;
}

/** Parses mean lengths from "1000 prompts (302,118 input and 195,775 output tokens in total)". */
function statedMeans(notes: string): { readonly input: number; readonly output: number } | null {
  const match = /(\d+) prompts \(([\d,]+) input and ([\d,]+) output tokens in total\)/.exec(notes);
  if (match === null) return null;
  const [prompts = 1, input = 0, output = 0] = match.slice(1).map((text) => Number(text.replaceAll(',', '')));
  return { input: input / prompts, output: output / prompts };
}

function datasetOf(record: RawRecord, notes: string): Dataset | undefined {
  if (notes.includes('MLPerf')) return datasets[textField(record, 'model') ?? ''];
  return notes.includes('ShareGPT') ? datasets.ShareGPT : undefined;
}

/**
 * Parses "prefill 2x(tp1 dp4 ep0 bs1) + decode 1x(tp1 dp8 ep0 bs7)", or "1 prefill + 1 decode workers (README shows
 * TP=2 ...".
 */
function splitWorkload(
  record: RawRecord,
  lengths: Lengths,
): MeasuredWorkload | { readonly kind: 'unknown'; readonly reason: string } {
  const notes = textField(record, 'notes') ?? '';
  const { input } = lengths;
  const generated = numberIn(notes, /average generated length (\d+) tokens/);
  const output = generated ?? lengths.output;
  const totals = /stated totals (\d+) in \/ \d+ out for (\d+) requests/.exec(notes);
  const groups = workerGroups(notes);
  if (input === undefined || output === undefined || groups === null) {
    return { kind: 'unknown', reason: 'the record does not state how prefill and decode share the devices' };
  }
  const meanInput = totals === null ? input : Number(totals[1]) / Number(totals[2]);
  return { kind: 'split', input: meanInput, output, concurrency: lengths.concurrency ?? null, ...groups };
}

function workerGroups(notes: string): { readonly prefill: WorkerGroup; readonly decode: WorkerGroup } | null {
  const stated = [...notes.matchAll(/(prefill|decode) (\d*)x\(tp(\d+) dp(\d*) ep\d* bs(\d*)\)/g)];
  const [first, second] = stated;
  if (first !== undefined && second !== undefined) {
    return { prefill: groupFrom(first), decode: groupFrom(second) };
  }
  const plain = /(\d+) prefill \+ (\d+) decode workers \(README shows TP=(\d+)/.exec(notes);
  if (plain === null) return null;
  const tensor = Number(plain[3]);
  const group = (workers: number): WorkerGroup => ({
    workers,
    workersStated: true,
    tensor,
    data: 1,
    batch: null,
  });
  return { prefill: group(Number(plain[1])), decode: group(Number(plain[2])) };
}

function groupFrom(match: RegExpMatchArray): WorkerGroup {
  const number = (text: string | undefined, fallback: number): number => Number(text ?? '') || fallback;
  const batch = Number(match[5] ?? '');
  return {
    workers: number(match[2], 1),
    workersStated: (match[2] ?? '') !== '',
    tensor: number(match[3], 1),
    data: number(match[4], 1),
    batch: batch > 0 ? batch : null,
  };
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const match = pattern.exec(text);
  return match === null ? undefined : Number(match[1]);
}
