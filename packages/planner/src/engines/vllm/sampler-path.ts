/** Which sampler a release profiles with; each keeps another number of copies of the logits. */
import type { HardwareRecord } from '@plimsoll/registry';
import type { VllmRelease } from './release.ts';

/**
 * - sort: torch.sort for top-k and top-p (V0 from 0.7, V1 until 0.16)
 * - triton: a top-k kernel with scratch per multiprocessor (0.17 to 0.20, and AMD after that)
 * - flashinfer: its fused sampler (from 0.21 on CUDA)
 * - logits: the second model runner samples nothing while profiling (some families from 0.24, all from 0.29)
 */
export type SamplerPath = 'sort' | 'triton' | 'flashinfer' | 'logits';

/** Families that ran on the second model runner before it became the default for all (vllm 0.24). */
const earlyFamilies: ReadonlySet<string> = new Set([
  'llama',
  'mistral',
  'qwen3',
  'deepseek_v2',
  'qwen2_moe',
  'granitemoe',
]);

export function samplerPath(release: VllmRelease, hardware: HardwareRecord, family: string): SamplerPath {
  if (release.engine === 'V0' || release.number < 17) return 'sort';
  if (hardware.vendor !== 'NVIDIA') return 'triton';
  if (release.number < 21) return 'triton';
  if (release.number >= 29 || (release.number >= 24 && earlyFamilies.has(family))) return 'logits';
  return 'flashinfer';
}
