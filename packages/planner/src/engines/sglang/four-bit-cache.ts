/**
 * The 4-bit KV cache of SGLang: 4 bits and a scale byte per 16 elements (layers/quantization/
 * fp4_kv_cache_quant_method.py). Latent attention has it from 0.5.5, other attention from 0.5.6.
 */
import type { HardwareRecord } from '@plimsoll/registry';
import type { SglangRelease } from './release.ts';

/** From 0.5.16 the format has two names: NVFP4 needs Blackwell kernels, and other cards take the block format. */
export function fourBitName(hardware: HardwareRecord, release: SglangRelease): string {
  if (release.number < 5.16) return 'fp4_e2m1';
  return blackwell(hardware) === null ? 'fp4_mx_block16' : 'nvfp4';
}

/** True if prompts read an fp8 copy of one layer. From 0.5.21, the kernels of data-center Blackwell read 4 bits. */
export function copiesLayer(hardware: HardwareRecord, release: SglangRelease): boolean {
  const kind = blackwell(hardware);
  if (release.number < 5.16 || kind === null) return false;
  return kind === 12 || release.number < 5.21;
}

/** Returns the major compute capability of a Blackwell card (10 or 12); null for other cards. */
function blackwell({ computeCapability }: HardwareRecord): number | null {
  const major = Math.floor(Number(computeCapability ?? 0));
  return major === 10 || major === 12 ? major : null;
}
