/**
 * Builds a ModelSpec from a config.json. The family that `model_type` names reads the file. The error about an unknown
 * family lists the unknown keys; a guess would give a plausible but wrong number.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { checkGeometry } from '../geometry/geometry.ts';
import { configKeys } from '../geometry/size-names.ts';
import type { ElementType, ModelSpec } from '../model-spec.ts';
import { badConfig, ConfigReader } from './config-reader.ts';
import { readContextLength } from './context-length.ts';
import { type DrafterConfig, readDrafter } from './drafter.ts';
import type { Family } from './families/family.ts';
import { families } from './families/index.ts';
import { ignoredKeys } from './ignored-keys.data.ts';
import { type ConfigOverrides, overridden } from './overrides.ts';
import { assignSchemes } from './quantization/assign.ts';
import { type NamedQuantization, planFromName } from './quantization/inferred.ts';
import { readQuantization } from './quantization/methods.ts';
import type { QuantizationPlan } from './quantization/plan.ts';
import { readRotary } from './rotary.ts';
import { readVision } from './vision/read-vision.ts';

export interface ModelSpecOptions {
  /** Registry id, Hugging Face id or directory name; it only names the spec. */
  readonly id?: string;
  /** Known family to use for an unknown one. */
  readonly assume?: string;
  /** Values that replace values of the config. */
  readonly overrides?: ConfigOverrides;
  /** The quantisation that the model's name states; used only if the config states none. */
  readonly quantizationFromName?: NamedQuantization;
}

/**
 * Reads a parsed config.json. Throws `bad-config`, `unsupported-family`, `unsupported-quantization` or `bad-geometry`.
 */
export function modelSpecFromConfig(config: unknown, options: ModelSpecOptions = {}): ModelSpec {
  const root = new ConfigReader(overridden(config, options.overrides));
  const modelType = root.text('model_type');
  const drafter = readDrafter(root);
  const { family, text } = chooseFamily(root, options.assume, drafter);
  const decoder = family.read(text);
  const model = drafter?.join(decoder) ?? decoder;
  const plan = quantizationPlan(root, text, options.quantizationFromName);
  const quantized = plan === null ? { ...model, quantization: null } : assignSchemes(model, plan);
  const spec: ModelSpec = {
    id: options.id ?? 'config.json',
    family: modelType ?? text.text('model_type') ?? options.assume ?? 'llama',
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
    ...(drafter !== null && { drafter: drafter.spec }),
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
  drafter: DrafterConfig | null,
): { family: Family; text: ConfigReader } {
  const nested = nestedText(root, drafter);
  const modelType = root.text('model_type');
  const text = nested ?? root;
  const name = assume ?? nested?.text('model_type') ?? modelType;
  const family = name !== null && Object.hasOwn(families, name) ? families[name] : undefined;
  if (family === undefined) throw unsupportedFamily(text, name);
  if (nested === null) return { family, text };
  // Some outer configs state keys that the inner config omits.
  const tied = root.raw('tie_word_embeddings');
  nested.ignore('model_type', 'torch_dtype', 'dtype');
  return { family, text: text.withDefaults({ tie_word_embeddings: tied, ...family.nestedDefaults }) };
}

/** The part of the config that describes the language model; null if the whole config does. */
function nestedText(root: ConfigReader, drafter: DrafterConfig | null): ConfigReader | null {
  if (drafter !== null) return drafter.text === root ? null : drafter.text;
  return root.section('text_config') ?? root.section('llm_config');
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

/** Keys of every decoder, known in every family. */
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

/** Reads the stored type of the checkpoint. A file without one counts as bf16, the usual type of published models. */
function readElementType(root: ConfigReader, text: ConfigReader): ElementType {
  const keys = ['torch_dtype', 'dtype'];
  const stated = root.text(keys) ?? text.text(keys);
  if (stated === null || stated === 'auto') return 'bf16';
  const type = elementTypes[stated.replace(/^torch\./, '')];
  if (type === undefined) throw badConfig('torch_dtype', stated, Object.keys(elementTypes).join(', '));
  return type;
}

/**
 * Positions are computed, not stored: only their settings for a longer context affect memory, and the reader reads
 * these.
 */
const positionSettings = /(^|\.)rope_(scaling|parameters)\./;

/**
 * Reads the type of the recurrent state, if the config requests one; hybrid models store the state wider than their
 * weights.
 */
function readRecurrentType(text: ConfigReader): ElementType | null {
  const stated = text.text(['mamba_ssm_dtype', 'mamba_ssm_cache_dtype']);
  return stated === null ? null : (elementTypes[stated] ?? null);
}

function notModelled(root: ConfigReader): readonly string[] {
  const isKnown = (path: string): boolean => ignoredKeys.has(path.slice(path.lastIndexOf('.') + 1));
  return root.unasked().filter((path) => !isKnown(path) && !positionSettings.test(path));
}
