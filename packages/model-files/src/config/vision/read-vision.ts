/** Reads the vision part of a config, if the config has one and its tower is known. */
import type { VisionSpec } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { llama4, minimaxM3, mllama } from './llama.ts';
import { qwen2Vl, qwen3Vl, qwen25Vl } from './qwen.ts';
import {
  gemma3,
  gemma4,
  idefics3,
  internvl,
  llava,
  moonvit,
  museGlimmer,
  pixtral,
  type Tower,
} from './towers.ts';

/** Outer `model_type` -> tower. */
const towerOf: Readonly<Record<string, Tower>> = {
  gemma3,
  gemma4,
  idefics3,
  smolvlm: idefics3,
  internvl_chat: internvl,
  internvl,
  kimi_k25: moonvit,
  kimi_k3: moonvit,
  kimi_vl: moonvit,
  llama4,
  llava,
  llava_next: llava,
  minimax_m3_vl: minimaxM3,
  mistral3: pixtral,
  mllama,
  muse_glimmer: museGlimmer,
  qwen2_vl: qwen2Vl,
  qwen2_5_vl: qwen25Vl,
  qwen3_vl: qwen3Vl,
  qwen3_vl_moe: qwen3Vl,
  qwen3_5: qwen3Vl,
  qwen3_5_moe: qwen3Vl,
};

export function readVision(root: ConfigReader, textHiddenSize: number): VisionSpec | null {
  const modelType = root.text('model_type') ?? '';
  const tower = Object.hasOwn(towerOf, modelType) ? towerOf[modelType] : undefined;
  if (tower === undefined) return null;
  const vision = root.section('vision_config');
  if (vision === null || vision.keys().length === 0) return null;
  vision.ignore(
    'model_type',
    'torch_dtype',
    'dtype',
    'num_heads',
    'num_attention_heads',
    'num_channels',
    'layer_norm_eps',
  );
  const read = tower({ vision, root, textHiddenSize });
  for (const tensor of read.tensors) Object.freeze(tensor);
  return read;
}
