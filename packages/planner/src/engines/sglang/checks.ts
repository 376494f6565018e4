/**
 * Refuses the questions on which SGLang does not start: wrong device, cache type, split, or a model that the release
 * does not know.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { Question } from '../../question/question.ts';
import type { SglangOptions } from './options.ts';
import type { SglangRelease } from './release.ts';

/** --kv-cache-dtype: auto takes the model's type, the others are named (server_args.py). */
const cacheTypes: readonly KvFormat[] = ['bf16', 'fp16', 'fp32', 'fp8', 'nvfp4'];

export function checkSglang(
  request: Question<SglangOptions>,
  kvFormat: KvFormat,
  release: SglangRelease,
): void {
  checkDevice(request.hardware);
  if (!cacheTypes.includes(kvFormat)) {
    throw new PlimsollError({
      code: 'bad-kv-format',
      message: `SGLang has no KV cache type "${kvFormat}"`,
      value: kvFormat,
      limit: cacheTypes.join(', '),
      hint: '--kv fp8',
    });
  }
  if (kvFormat === 'nvfp4') checkFourBits(request, release);
  checkGroups(request);
  const isCompressed = request.spec.layers.some(({ attention }) => attention.kind === 'compressed');
  if (isCompressed && release.number < 5.12) {
    throw new PlimsollError({
      code: 'model-needs-release',
      message: `SGLang ${release.version} does not know the compressed attention of ${request.spec.id}`,
      value: release.version,
      limit: '0.5.12 or later',
      hint: '--engine sglang',
    });
  }
}

/** A 4-bit cache exists on NVIDIA cards, without pools of compressed rows. */
function checkFourBits({ spec, hardware }: Question<SglangOptions>, release: SglangRelease): void {
  const isLatent = spec.layers.some(({ attention }) => attention.kind === 'mla');
  const isCompressed = spec.layers.some(({ attention }) => attention.kind === 'compressed');
  const from = isLatent ? 5.05 : 5.06;
  if (release.number >= from && hardware.computeCapability !== null && !isCompressed) return;
  throw new PlimsollError({
    code: 'bad-kv-format',
    message: `SGLang ${release.version} has no 4-bit KV cache for ${spec.id} on ${hardware.name}`,
    value: 'nvfp4',
    limit: `SGLang 0.5.${isLatent ? 5 : 6} or later on an NVIDIA card, without compressed attention`,
    hint: '--kv fp8',
  });
}

/** Kernels exist for compute capability 7.5 and later, AMD Instinct, and a few accelerators of other vendors. */
function checkDevice(hardware: HardwareRecord): void {
  const { computeCapability, gfxTarget } = hardware;
  const runs =
    (computeCapability !== null && Number(computeCapability) >= 7.5) ||
    (gfxTarget !== null && /^gfx(?:90a|942|950)$/.test(gfxTarget));
  if (runs) return;
  throw new PlimsollError({
    code: 'engine-device',
    message: `SGLang does not run on ${hardware.name}`,
    value: hardware.id,
    limit: 'CUDA compute capability 7.5 or later, AMD Instinct MI200 or later',
    hint: '--engine llama.cpp',
  });
}

/** Data-parallel attention makes groups of the tensor-parallel devices (server_args.py, _handle_data_parallelism). */
function checkGroups({ parallelism, options }: Question<SglangOptions>): void {
  const { tensor, data } = parallelism;
  if (options?.dpAttention !== true || tensor % data === 0) return;
  throw new PlimsollError({
    code: 'data-parallel-groups',
    message: `--dp ${data} groups cannot share the ${tensor} devices of --tp evenly`,
    value: data,
    limit: `a divisor of ${tensor}`,
    hint: 'with --enable-dp-attention, --tp counts all devices',
  });
}
