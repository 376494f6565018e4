/** The sampler that a release profiles. Samplers differ in the number of copies of the logits that they keep. */
import type { HardwareRecord } from '@plimsoll/registry';
import type { VllmRelease } from './release.ts';
import type { ModelRunner } from './runner.ts';

/**
 * - sort: torch.sort for top-k and top-p (V0 from 0.7, V1 until 0.16)
 * - triton: a top-k kernel with scratch per multiprocessor (0.17 to 0.20)
 * - in-place: the same kernel without a copy of the probabilities (from 0.21 on AMD)
 * - flashinfer: the fused sampler of FlashInfer (from 0.21 on CUDA)
 * - logits: the second model runner samples nothing while it profiles
 */
export type SamplerPath = 'sort' | 'triton' | 'in-place' | 'flashinfer' | 'logits';

export function samplerPath(
  release: VllmRelease,
  hardware: HardwareRecord,
  runner: ModelRunner,
): SamplerPath {
  if (runner === 'V0' || release.number < 17) return 'sort';
  if (release.number < 21) return 'triton';
  if (hardware.vendor !== 'NVIDIA') return runner === 'second' ? 'logits' : 'in-place';
  return runner === 'second' ? 'logits' : 'flashinfer';
}
