/**
 * config.json -> ModelSpec. The file is read by the family its `model_type` names; a family that is not known is refused
 * with the keys that nobody here understands, because a guess would be a wrong number that looks like a right one.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { checkGeometry } from '../geometry/geometry.ts';
import { configKeys } from '../geometry/size-names.ts';
import type { ElementType, ModelSpec } from '../model-spec.ts';
import { badConfig, ConfigReader } from './config-reader.ts';
import { readContextLength } from './context-length.ts';
import type { Family } from './families/family.ts';
import { families } from './families/index.ts';
import { ignoredKeys } from './ignored-keys.data.ts';
import { assignSchemes } from './quantization/assign.ts';
import { type NamedQuantization, planFromName } from './quantization/inferred.ts';
import { readQuantization } from './quantization/methods.ts';
import type { QuantizationPlan } from './quantization/plan.ts';
import { readRotary } from './rotary.ts';
import { readVision } from './vision/read-vision.ts';

export interface ModelSpecOptions {
  /** Registry id, Hugging Face id or directory name; only for naming. */
  readonly id?: string;
  /** Read the config as if it named this family, for families that are not known. */
  readonly assume?: string;
  /** What the model's name says about its quantisation; used when the config itself says nothing. */
  readonly quantizationFromName?: NamedQuantization;
}

export function modelSpecFromConfig(config: unknown, options: ModelSpecOptions = {}): ModelSpec {
  const root = new ConfigReader(config);
  const modelType = root.text('model_type');
  const { family, text } = chooseFamily(root, options.assume);
  const model = family.read(text);
  const plan = quantizationPlan(root, text, options.quantizationFromName);
  const quantized = plan === null ? { ...model, quantization: null } : assignSchemes(model, plan);
  const spec: ModelSpec = {
    id: options.id ?? 'config.json',
    family: modelType ?? options.assume ?? 'llama',
    source: 'config',
    hiddenSize: model.hiddenSize,
    vocabSize: model.vocabSize,
    contextLength: readContextLength(text, family.contextTokens),
    rotary: readRotary(text),
    elementType: readElementType(root, text),
    recurrentType: readRecurrentType(text),
    quantization: quantized.quantization,
    tiedEmbeddings: model.tiedEmbeddings,
    layers: quantized.layers,
    tensors: quantized.tensors,
    vision: readVision(root, model.hiddenSize),
    predictionLayers: quantized.predictionLayers,
    notModelled: [...notModelled(root), ...patternsNotRead(plan)],
  };
  return checkGeometry(spec, configKeys(text));
}

function quantizationPlan(
  root: ConfigReader,
  text: ConfigReader,
  named: NamedQuantization | undefined,
): QuantizationPlan | null {
  const stated = root.section('quantization_config') ?? text.section('quantization_config');
  if (stated !== null && stated.keys().length > 0) return readQuantization(stated, root);
  return named === undefined ? null : planFromName(named);
}

function patternsNotRead(plan: QuantizationPlan | null): readonly string[] {
  const patterns = plan?.rules.flatMap((rule) => rule.modules?.notRead ?? []) ?? [];
  return patterns.map((pattern) => `quantization_config: ${pattern}`);
}

function chooseFamily(
  root: ConfigReader,
  assume: string | undefined,
): { family: Family; text: ConfigReader } {
  const nested = root.section('text_config') ?? root.section('llm_config');
  const modelType = root.text('model_type');
  const text = nested ?? root;
  const name = assume ?? nested?.text('model_type') ?? modelType;
  const family = name !== null && Object.hasOwn(families, name) ? families[name] : undefined;
  if (family === undefined) throw unsupportedFamily(text, name);
  if (nested === null) return { family, text };
  // Some files state outside what they leave out inside.
  const tied = root.raw('tie_word_embeddings');
  nested.ignore('model_type', 'torch_dtype', 'dtype');
  return { family, text: text.withDefaults({ tie_word_embeddings: tied, ...family.nestedDefaults }) };
}

function unsupportedFamily(text: ConfigReader, name: string | null): PlimsollError {
  const unknown = text.keys().filter((key) => !ignoredKeys.has(key) && !commonKeys.has(key));
  const listed = unknown
    .slice(0, 20)
    .map((key) => key.slice(0, 60))
    .join(', ');
  const named =
    name === null ? 'the config names no model_type' : `model family "${name.slice(0, 80)}" is not modelled`;
  return new PlimsollError({
    code: 'unsupported-family',
    message: unknown.length === 0 ? named : `${named}; keys not understood: ${listed}`,
    value: name?.slice(0, 80) ?? 'no model_type',
    limit: 'a known family, such as llama, qwen3_moe or deepseek_v3',
    hint: 'add --assume llama to plan it as a Llama with these sizes, or name another known family',
  });
}

/** Keys that every decoder has; they are understood whatever the family. */
const commonKeys: ReadonlySet<string> = new Set([
  'model_type',
  'torch_dtype',
  'dtype',
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'vocab_size',
  'max_position_embeddings',
  'tie_word_embeddings',
  'rope_scaling',
  'rope_parameters',
  'quantization_config',
]);

const elementTypes: Readonly<Record<string, ElementType>> = {
  bfloat16: 'bf16',
  float16: 'fp16',
  float32: 'fp32',
  half: 'fp16',
  float: 'fp32',
};

/** The type the checkpoint is stored in. Files that do not say are taken as bf16, which is what is published today. */
function readElementType(root: ConfigReader, text: ConfigReader): ElementType {
  const keys = ['torch_dtype', 'dtype'];
  const stated = root.text(keys) ?? text.text(keys);
  if (stated === null || stated === 'auto') return 'bf16';
  const type = elementTypes[stated.replace(/^torch\./, '')];
  if (type === undefined) throw badConfig('torch_dtype', stated, Object.keys(elementTypes).join(', '));
  return type;
}

/** Positions are computed, not stored: of their settings only those that stretch the context matter, and these are read. */
const positionSettings = /(^|\.)rope_(scaling|parameters)\./;

/** Type of recurrent state, where the config asks for one; hybrid models keep it wider than their weights. */
function readRecurrentType(text: ConfigReader): ElementType | null {
  const stated = text.text(['mamba_ssm_dtype', 'mamba_ssm_cache_dtype']);
  return stated === null ? null : (elementTypes[stated] ?? null);
}

function notModelled(root: ConfigReader): readonly string[] {
  const isKnown = (path: string): boolean => ignoredKeys.has(path.slice(path.lastIndexOf('.') + 1));
  return root.unasked().filter((path) => !isKnown(path) && !positionSettings.test(path));
}
