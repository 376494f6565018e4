/**
 * The model runner of a start. vLLM 0.24 to 0.28 moved models from the first runner of V1 to the second by families, and
 * 0.29 moved all (vllm/config/vllm.py, use_v2_model_runner). The runners profile samplers and CUDA graphs differently.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { VllmRelease } from './release.ts';
import type { SpeculativeConfig } from './speculative-option.ts';

export type ModelRunner = 'V0' | 'first' | 'second';

/** Families that 0.24 runs on the second runner. */
const firstFamilies: ReadonlySet<string> = new Set([
  'llama',
  'mistral',
  'qwen3',
  'deepseek_v2',
  'qwen2_moe',
  'granitemoe',
]);

/** Mixtures and hybrid models that run on the second runner before 0.29, with the release of the move. */
const movedFamilies: Readonly<Record<string, number>> = {
  deepseek_v2: 25,
  qwen2_moe: 25,
  granitemoe: 25,
  longcat_flash: 26,
  kimi_k3: 27,
  deepseek_v4: 28,
};

export function modelRunner(start: {
  readonly release: VllmRelease;
  readonly spec: ModelSpec;
  readonly hardware: HardwareRecord;
  readonly speculative: SpeculativeConfig | null;
}): ModelRunner {
  const { release, spec, hardware, speculative } = start;
  const { number } = release;
  if (release.engine === 'V0') return 'V0';
  if (number < 24 || speculative?.method === 'suffix') return 'first';
  if (number >= 29) return 'second';
  const method = speculative?.method ?? null;
  if (method === 'dspark' && number >= 27) return 'second';
  if (method === 'ngram') return 'first';
  if (number < 25) return firstFamilies.has(spec.family) ? 'second' : 'first';
  const movedAt = movedFamilies[spec.family];
  const isMoved = movedAt !== undefined && number >= movedAt;
  // DeepSeek V4 stays on the first runner on ROCm.
  if (isMoved) return spec.family === 'deepseek_v4' && hardware.vendor === 'AMD' ? 'first' : 'second';
  const kinds = spec.layers.map(({ attention, mlp }) => ({ attention: attention.kind, mlp: mlp.kind }));
  const keepsState = kinds.some(({ attention }) => attention === 'linear' || attention === 'ssm');
  return keepsState || kinds.some(({ mlp }) => mlp === 'moe') ? 'first' : 'second';
}
