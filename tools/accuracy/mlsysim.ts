/**
 * Predictions of mlsysim for the same logs. mlsysim is a Python package, so its answers are a fixture:
 * `tools/reference/mlsysim-logs.py` reads the questions that this file writes and stores one answer per record with its
 * question. An answer to an older question is not used.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelSpec } from '@plimsoll/model-files';
import type { Figures, Predictions } from './figures.ts';
import type { LlamaCppFacts } from './llama-cpp-facts.ts';
import type { VllmFacts } from './vllm-facts.ts';

const answersPath = join(import.meta.dirname, '../../fixtures/mlsysim/log-answers.json');

/** A question in the field names of mlsysim's TransformerWorkload; sizes in bytes. */
export interface MlsysimQuestion {
  readonly id: string;
  readonly kind: 'vllm' | 'llama-cpp';
  readonly parameters: number | null;
  readonly layers: number | null;
  readonly hidden_dim: number | null;
  readonly heads: number | null;
  readonly kv_heads: number | null;
  readonly head_dim: number | null;
  readonly kv_lora_rank: number | null;
  readonly qk_rope_head_dim: number | null;
  /** Name of mlsysim's precision; null if mlsysim has none of that width. */
  readonly precision: string | null;
  readonly kv_precision: string | null;
  readonly devices: number;
  /** Utilisation times nominal memory, of all devices together. */
  readonly capacity_bytes: number | null;
  readonly bandwidth_bytes_per_second: number | null;
  readonly peak_flops: number | null;
  readonly max_model_len: number | null;
  readonly kv_gib: number | null;
  /** The config.json for mlsysim's own import. */
  readonly config: Readonly<Record<string, unknown>> | null;
}

export interface MlsysimAnswers {
  /** The workload built from counted parameters and real head sizes. */
  readonly given: Predictions;
  /** The workload as mlsysim's own Hugging Face import reads it from the config. */
  readonly imported: Predictions;
  readonly questions: number;
  readonly answered: number;
}

export function vllmQuestion(facts: VllmFacts): MlsysimQuestion {
  return {
    id: facts.id,
    kind: 'vllm',
    parameters: facts.parameters,
    ...workloadShape(facts.spec),
    precision: precisionOf(facts.weightBits),
    kv_precision: precisionOf(facts.kvBits),
    devices: facts.devices,
    capacity_bytes: Math.round(facts.utilization * facts.nominalBytes * facts.devices),
    bandwidth_bytes_per_second: facts.bandwidthBytesPerSecond * facts.devices,
    peak_flops: facts.peakOperationsPerSecond * facts.devices,
    max_model_len: facts.maxModelLen,
    kv_gib: facts.reportedKvGib,
    config: facts.config,
  };
}

export function llamaCppQuestion(facts: LlamaCppFacts): MlsysimQuestion {
  return {
    id: facts.id,
    kind: 'llama-cpp',
    parameters: facts.parameters,
    layers: facts.layers,
    hidden_dim: facts.hiddenSize,
    heads: facts.heads,
    kv_heads: facts.kvHeads,
    head_dim: facts.headDim,
    kv_lora_rank: null,
    qk_rope_head_dim: null,
    precision: precisionOf(facts.weightBits),
    kv_precision: facts.keyBits === facts.valueBits ? precisionOf(facts.keyBits) : null,
    devices: 1,
    capacity_bytes: null,
    bandwidth_bytes_per_second: null,
    peak_flops: null,
    max_model_len: facts.contextTokens,
    kv_gib: null,
    config: null,
  };
}

function precisionOf(bits: number | null): string | null {
  const names: Readonly<Record<number, string>> = { 32: 'fp32', 16: 'fp16', 8: 'int8', 4: 'int4' };
  return bits === null ? null : (names[bits] ?? null);
}

/** mlsysim has one kind of layer per model: we pass the first layer that caches anything. */
function workloadShape(
  spec: ModelSpec,
): Pick<
  MlsysimQuestion,
  'layers' | 'hidden_dim' | 'heads' | 'kv_heads' | 'head_dim' | 'kv_lora_rank' | 'qk_rope_head_dim'
> {
  const base = {
    layers: spec.layers.length,
    hidden_dim: spec.hiddenSize,
    heads: null,
    kv_heads: null,
    head_dim: null,
    kv_lora_rank: null,
    qk_rope_head_dim: null,
  };
  for (const { attention } of spec.layers) {
    switch (attention.kind) {
      case 'full':
      case 'sliding':
      case 'chunked':
        return {
          ...base,
          heads: attention.queryHeads,
          kv_heads: attention.kvHeads,
          head_dim: attention.keyHeadDim,
        };
      case 'mla':
        return {
          ...base,
          heads: attention.queryHeads,
          kv_lora_rank: attention.kvLoraRank,
          qk_rope_head_dim: attention.ropeHeadDim,
        };
      default:
        continue;
    }
  }
  return base;
}

/** The question with its name: an answer must carry both to be used. */
export function namedQuestion(question: MlsysimQuestion): MlsysimQuestion & { readonly question: string } {
  const digest = createHash('sha256').update(JSON.stringify(question)).digest('hex').slice(0, 12);
  return { ...question, question: digest };
}

interface StoredAnswer {
  readonly question: string;
  readonly given: Figures;
  readonly imported: Figures | null;
}

export function readMlsysimAnswers(questions: readonly MlsysimQuestion[]): MlsysimAnswers {
  const stored = JSON.parse(readFileSync(answersPath, 'utf8')) as {
    readonly answers: Readonly<Record<string, StoredAnswer>>;
  };
  const given = new Map<string, Figures>();
  const imported = new Map<string, Figures>();
  for (const { id, question } of questions.map(namedQuestion)) {
    const answer = stored.answers[id];
    if (answer?.question !== question) continue;
    given.set(id, answer.given);
    imported.set(id, answer.imported ?? {});
  }
  return { given, imported, questions: questions.length, answered: given.size };
}
