/**
 * Chooses the type of each tensor in a mixture (llama-quant.cpp, llama_tensor_get_type and tensor_type_fallback, of
 * https://github.com/ggml-org/llama.cpp). The rules are stateful: some count the value tensors seen so far, so the
 * caller must pass tensors in file order.
 */
import { ggmlTypeNamed } from '@plimsoll/model-files/spec';
import type { FileType, Mixture } from './file-type.ts';
import type { GgufTensor } from './tensor-names.ts';

/** The facts of a model that the rules use besides the tensor. */
export interface RecipeModel {
  readonly layers: number;
  readonly experts: number;
  /** Query heads per KV head in the first layer. */
  readonly groupedQueries: number;
  /**
   * True for models that llama.cpp calls 70B: 80 layers with grouped queries. Their small value matrices get more bits.
   */
  readonly is70B: boolean;
  readonly tied: boolean;
  readonly valueTensors: number;
  /** True if fused qkv and latent kv matrices count as value matrices (llama.cpp from February 2026). */
  readonly fusedCountsAsValue: boolean;
}

type Category =
  | 'output'
  | 'embedding'
  | 'qkv'
  | 'kv-b'
  | 'v'
  | 'k'
  | 'q'
  | 'o'
  | 'up'
  | 'gate'
  | 'down'
  | 'other';

const categories: readonly (readonly [RegExp, Category])[] = [
  [/^output\.weight$/, 'output'],
  [/^(per_layer_)?token_embd\.weight$/, 'embedding'],
  [/attn_qkv\.weight/, 'qkv'],
  [/attn_kv_b\.weight/, 'kv-b'],
  [/attn_v\.weight/, 'v'],
  [/attn_k\.weight/, 'k'],
  [/attn_q\.weight/, 'q'],
  [/attn_output\.weight/, 'o'],
  [/ffn_up/, 'up'],
  [/ffn_gate/, 'gate'],
  [/ffn_down/, 'down'],
];

function categoryOf(name: string): Category {
  return categories.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}

/** Returns true for tensors that llama.cpp counts as value matrices, by GGUF name. */
export function countsAsValue(name: string): boolean {
  return /attn_(v|qkv|kv_b)\.weight/.test(name);
}

/** Returns true for tensors that every mixture leaves in F32: small or sensitive tensors. */
function staysPlain({ name, shape }: GgufTensor): boolean {
  if (shape.length < 2 || !name.endsWith('weight')) return true;
  return /_norm\.weight|ffn_gate_inp|altup|laurel|per_layer_model_proj|ssm_conv1d|shortconv\.conv\.weight|position_embd|indexer\.[kq]_proj/.test(
    name,
  );
}

const isSmallI: ReadonlySet<Mixture> = new Set<Mixture>([
  'IQ1_S',
  'IQ1_M',
  'IQ2_XXS',
  'IQ2_XS',
  'IQ2_S',
  'IQ2_M',
]);
const isFairI: ReadonlySet<Mixture> = new Set<Mixture>(['IQ2_S', 'IQ2_M']);

/** Creates a chooser with its own counters; each file needs a new chooser. */
export function tensorTypeChooser(fileType: FileType, model: RecipeModel): (tensor: GgufTensor) => string {
  const { mixture, baseType, wideEnds } = fileType;
  let valueIndex = 0;
  return (tensor) => {
    if (/ffn_gate_tid2eid/.test(tensor.name)) return 'I32';
    if (staysPlain(tensor)) return 'F32';
    if (ggmlTypeNamed(baseType).blockElements === 1) return baseType;
    const category = categoryOf(tensor.name);
    if (wideEnds && (category === 'output' || tensor.name === 'token_embd.weight')) return 'Q8_0';
    const seen = { valueIndex, layer: tensor.layer ?? 0 };
    const isValue =
      category === 'v' || (model.fusedCountsAsValue && (category === 'qkv' || category === 'kv-b'));
    if (isValue) valueIndex++;
    const chosen = chooseType({ tensor, category, isValue, mixture, baseType, model, ...seen });
    return fallback(chosen, tensor.shape.at(-1) ?? 1);
  };
}

interface Choice {
  readonly tensor: GgufTensor;
  readonly category: Category;
  readonly isValue: boolean;
  readonly mixture: Mixture;
  readonly baseType: string;
  readonly model: RecipeModel;
  readonly valueIndex: number;
  readonly layer: number;
}

function chooseType(choice: Choice): string {
  const { category, mixture, baseType, model, tensor } = choice;
  if (category === 'output' || (model.tied && category === 'embedding')) return outputType(choice);
  if (isExpertsOnly(mixture)) return tensor.shape.length > 2 ? baseType : 'Q8_0';
  if (category === 'embedding') return embeddingType(mixture, baseType);
  if (isSmallI.has(mixture)) return smallIType(choice);
  if (choice.isValue) return valueType(choice);
  if (category === 'k' || category === 'q') {
    if (category === 'k' && model.experts === 8) return 'Q8_0';
    if (mixture === 'IQ3_XS') return 'IQ3_XXS';
    return mixture === 'IQ3_XXS' ? 'IQ2_S' : baseType;
  }
  if (category === 'down') return downType(choice);
  if (category === 'o') return attentionOutputType(choice);
  if (category === 'qkv') {
    if (mixture === 'Q3_K_M' || mixture === 'Q3_K_L' || mixture === 'IQ3_M') return 'Q4_K';
    if (mixture === 'Q4_K_M') return 'Q5_K';
    return mixture === 'Q5_K_M' ? 'Q6_K' : baseType;
  }
  if ((category === 'gate' || category === 'up') && mixture === 'IQ3_XS') {
    const { layers } = model;
    return choice.layer >= eighth(layers) && choice.layer < eighth(7 * layers) ? 'IQ3_XXS' : baseType;
  }
  return baseType;
}

/**
 * Mixtures that keep the native 4-bit experts of a checkpoint and store all else in Q8_0: MXFP4_MOE of gpt-oss, and Q4_X, the
 * files of Kimi K2 Thinking and its successors (4-bit integers in groups of 32).
 */
function isExpertsOnly(mixture: Mixture): boolean {
  return mixture === 'MXFP4_MOE' || mixture === 'Q4_X';
}

function outputType({ mixture, baseType, tensor }: Choice): string {
  if (isExpertsOnly(mixture)) return 'Q8_0';
  if ((tensor.shape.at(-1) ?? 1) % ggmlTypeNamed(baseType).blockElements !== 0) return 'Q8_0';
  if (isSmallI.has(mixture) || mixture === 'IQ3_XXS') return 'Q5_K';
  return baseType === 'Q8_0' ? 'Q8_0' : 'Q6_K';
}

function embeddingType(mixture: Mixture, baseType: string): string {
  if (isFairI.has(mixture) || mixture === 'IQ3_XXS') return 'IQ3_S';
  if (isSmallI.has(mixture)) return 'Q2_K';
  return mixture === 'TQ1_0' || mixture === 'TQ2_0' ? 'Q4_K' : baseType;
}

function smallIType({ category, isValue, mixture, baseType, model, layer }: Choice): string {
  const fair = isFairI.has(mixture);
  if (isValue) {
    if (model.groupedQueries >= 4 || model.experts >= 4) return 'Q4_K';
    return fair ? 'IQ3_S' : 'Q2_K';
  }
  if (category === 'k' && model.experts === 8) return 'Q4_K';
  if (category === 'down') return layer < eighth(model.layers) ? (fair ? 'IQ3_S' : 'Q2_K') : baseType;
  if (category === 'o') {
    if (model.experts === 8) return 'Q5_K';
    if (mixture === 'IQ1_S' || mixture === 'IQ1_M') return 'IQ2_XXS';
    return fair ? 'IQ3_S' : baseType;
  }
  return baseType;
}

function valueType(choice: Choice): string {
  const { model } = choice;
  if (model.experts === 8) return 'Q8_0';
  const type = valueTypeOfMixture(choice);
  return model.is70B && (type === 'Q3_K' || type === 'Q4_K') ? 'Q5_K' : type;
}

function valueTypeOfMixture({ mixture, baseType, model, valueIndex }: Choice): string {
  const shared = model.groupedQueries >= 4;
  switch (mixture) {
    case 'Q2_K':
      return shared ? 'Q4_K' : 'Q3_K';
    case 'Q2_K_S':
    case 'IQ3_XS':
    case 'IQ3_S':
      return shared ? 'Q4_K' : baseType;
    case 'IQ3_XXS':
      return shared ? 'Q4_K' : 'IQ3_XXS';
    case 'IQ3_M':
      return 'Q4_K';
    case 'Q3_K_M':
      return valueIndex < 2 ? 'Q5_K' : 'Q4_K';
    case 'Q3_K_L':
      return 'Q5_K';
    case 'IQ4_NL':
    case 'IQ4_XS':
      return shared ? 'Q5_K' : baseType;
    case 'Q4_K_M':
    case 'Q5_K_M':
      return usesMoreBits(valueIndex, model.valueTensors) ? 'Q6_K' : baseType;
    case 'Q4_K_S':
      return valueIndex < 4 ? 'Q5_K' : baseType;
    default:
      return baseType;
  }
}

/** Assumes an importance matrix for the I-types, because such files are not made without it. */
function downType({ mixture, baseType, model, layer }: Choice): string {
  const { layers } = model;
  switch (mixture) {
    case 'Q2_K':
      return 'Q3_K';
    case 'Q2_K_S':
      return layer < eighth(layers) ? 'Q4_K' : baseType;
    case 'Q3_K_M':
      return layer < Math.floor(layers / 16) ? 'Q5_K' : 'Q4_K';
    case 'IQ3_M':
      return layer < eighth(layers) || (model.experts === 8 && usesMoreBits(layer, layers))
        ? 'Q4_K'
        : baseType;
    case 'Q3_K_L':
      return 'Q5_K';
    case 'Q4_K_M':
    case 'Q5_K_M':
      return usesMoreBits(layer, layers) ? 'Q6_K' : baseType;
    case 'Q4_K_S':
      return layer < eighth(layers) ? 'Q5_K' : baseType;
    default:
      return baseType;
  }
}

const boostedOutputs: ReadonlySet<Mixture> = new Set<Mixture>([
  'Q2_K',
  'IQ3_XS',
  'IQ3_XXS',
  'Q3_K_S',
  'Q3_K_M',
  'IQ4_NL',
  'Q4_K_S',
  'Q4_K_M',
  'IQ3_S',
  'IQ3_M',
  'IQ4_XS',
]);

function attentionOutputType({ mixture, baseType, model }: Choice): string {
  if (model.experts === 8) return boostedOutputs.has(mixture) ? 'Q5_K' : baseType;
  switch (mixture) {
    case 'Q2_K':
      return 'Q3_K';
    case 'IQ3_XXS':
      return 'IQ3_S';
    case 'Q3_K_M':
    case 'IQ3_M':
      return 'Q4_K';
    case 'Q3_K_L':
      return 'Q5_K';
    default:
      return baseType;
  }
}

function eighth(count: number): number {
  return Math.floor(count / 8);
}

/** Returns true for the first and last eighth of the layers, and for every third layer between. */
function usesMoreBits(index: number, count: number): boolean {
  return index < eighth(count) || index >= eighth(7 * count) || (index - eighth(count)) % 3 === 2;
}

const smallerBlocks: Readonly<Record<string, string>> = {
  Q2_K: 'Q4_0',
  Q3_K: 'Q4_0',
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
  TQ1_0: 'Q4_0',
  TQ2_0: 'Q4_0',
};

/** Returns a type with smaller blocks if a row is not a whole number of blocks. */
function fallback(type: string, rowElements: number): string {
  if (rowElements % ggmlTypeNamed(type).blockElements === 0) return type;
  const smaller = smallerBlocks[type] ?? (type.startsWith('IQ') ? 'IQ4_NL' : type);
  return rowElements % ggmlTypeNamed(smaller).blockElements === 0 ? smaller : 'F16';
}
