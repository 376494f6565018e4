/** The CUDA graphs that a start captures: their number and the tokens of the largest (vllm/config/vllm.py, _set_cudagraph_sizes). */
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { VllmSettings } from './defaults.ts';
import type { GraphMode } from './graph-options.ts';
import type { VllmRelease } from './release.ts';

export interface Captures {
  readonly mode: GraphMode;
  /** Graphs of the pieces between attention layers, for steps of any kind. */
  readonly piecewise: number;
  /** Graphs of whole decode steps. */
  readonly full: number;
  /** Tokens of the largest captured step. */
  readonly largestTokens: number;
  /** Whether attention runs on FlashInfer, whose workspace is allocated for the first captured decode step. */
  readonly flashInfer: boolean;
}

const noCaptures: Captures = {
  ...{ mode: 'none', piecewise: 0, full: 0, largestTokens: 0, flashInfer: false },
};

export function captures(
  settings: VllmSettings,
  release: VllmRelease,
  device: { readonly hardware: HardwareRecord; readonly kvFormat: KvFormat },
): Captures {
  if (settings.eager) return noCaptures;
  if (release.engine === 'V0') return oldCaptures(settings);
  const mode = graphMode(settings, release, device);
  const sizes = captureSizes(settings, release);
  const decodeTokensMax = settings.sequences * (1 + settings.speculativeTokens);
  const flashInfer = usesFlashInfer(device.hardware, device.kvFormat);
  const decodeSizes = sizes.filter((size) => size <= decodeTokensMax).length;
  return {
    mode,
    piecewise: mode === 'piecewise' || mode === 'full-and-piecewise' ? sizes.length : 0,
    full: mode === 'full' ? sizes.length : mode.startsWith('full') ? decodeSizes : 0,
    largestTokens: mode === 'none' ? 0 : (sizes.at(-1) ?? 0),
    flashInfer,
  };
}

/** V0 captures decode steps up to 256 sequences (vllm/worker/model_runner.py). */
function oldCaptures(settings: VllmSettings): Captures {
  const most = Math.min(settings.sequences, 256);
  const sizes = 3 + Math.floor(most / 8);
  return { ...noCaptures, mode: 'full', full: sizes, largestTokens: most };
}

/** Full decode graphs became the default in 0.11; FlashInfer captures none for steps with draft tokens outside its own kernels. */
function graphMode(
  settings: VllmSettings,
  release: VllmRelease,
  { hardware, kvFormat }: { readonly hardware: HardwareRecord; readonly kvFormat: KvFormat },
): GraphMode {
  const asked = compiledMode(settings, release);
  const isDatacenterBlackwell = hardware.computeCapability?.startsWith('10.') === true;
  const losesDecode =
    settings.speculativeTokens > 0 && usesFlashInfer(hardware, kvFormat) && !isDatacenterBlackwell;
  if (!losesDecode) return asked;
  return asked === 'full-and-piecewise' || asked === 'full' ? 'piecewise' : asked;
}

/**
 * Pieces are graphs of compiled code. Until 0.11 a level is the compilation's own, and only level 3 compiles pieces; later a
 * level chooses the mode (vllm/config/vllm.py, OPTIMIZATION_LEVEL_TO_CONFIG).
 */
function compiledMode(
  { graphMode: stated, optimizationLevel }: VllmSettings,
  release: VllmRelease,
): GraphMode {
  const level = optimizationLevel ?? 3;
  const compilesPieces = release.number < 12 ? level === 3 : level > 0;
  const usual = release.number >= 12 && level === 1 ? 'piecewise' : usualMode(release);
  const mode = stated ?? usual;
  const needsPieces = mode === 'piecewise' || mode === 'full-and-piecewise';
  return needsPieces && !compilesPieces ? 'none' : mode;
}

function usualMode(release: VllmRelease): GraphMode {
  return release.number >= 11 ? 'full-and-piecewise' : 'piecewise';
}

/**
 * FlashAttention is first except on data-centre Blackwell; it has an 8-bit cache on Hopper only, and no 4-bit cache
 * (vllm/platforms/cuda.py).
 */
function usesFlashInfer(hardware: HardwareRecord, kvFormat: KvFormat): boolean {
  if (hardware.vendor !== 'NVIDIA') return false;
  if (hardware.computeCapability?.startsWith('10.') === true) return true;
  if (kvFormat === 'nvfp4') return true;
  return kvFormat === 'fp8' && hardware.computeCapability !== '9.0';
}

/** 1, 2, 4, then steps of 8 to 256 and of 16 beyond, up to twice the decode tokens of all sequences, at most 512. */
function captureSizes(settings: VllmSettings, release: VllmRelease): readonly number[] {
  const { batchedTokens, captureSizes: given } = settings;
  if (given !== null)
    return [...new Set(given)].filter((size) => size <= batchedTokens).sort((a, b) => a - b);
  const decodeTokens = settings.sequences * (release.number >= 19 ? 1 + settings.speculativeTokens : 1);
  const most = Math.min(settings.captureSizeMax ?? Math.min(decodeTokens * 2, 512), batchedTokens);
  const fine = settings.performanceMode === 'interactivity' ? wholeNumbers(32) : [1, 2, 4];
  const sizes = fine.filter((size) => size <= most);
  for (let size = 8; size <= most; size += size < 256 ? 8 : 16) if (!sizes.includes(size)) sizes.push(size);
  return sizes;
}

function wholeNumbers(most: number): readonly number[] {
  return Array.from({ length: most }, (_, index) => index + 1);
}
