/**
 * DeepSeek V4 in SGLang: pools that grow together (DSV4PoolConfigurator, from 0.5.12). All layers keep a window of raw
 * latents. Layers of ratio 4 and 128 keep a compressed latent for each 4 or 128 tokens, and a ring of unfinished
 * latents for each page of the window.
 */
import type { AttentionSpec, ModelSpec } from '@plimsoll/model-files/spec';
import type { CacheGroup } from '../../bytes/kv-cache.ts';
import type { SglangRelease } from './release.ts';
import type { SglangSettings } from './start-settings.ts';

type Compressed = Extract<AttentionSpec, { kind: 'compressed' }>;

export interface CompressedCell {
  /** Bytes for a token of the full pool; a fraction. */
  readonly bytesPerToken: number;
  /** Bytes of the rings whose size follows from the number of requests. */
  readonly fixedBytes: number;
  readonly windowTokens: number;
  readonly groups: readonly CacheGroup[];
}

interface CellInput {
  readonly spec: ModelSpec;
  readonly layers: readonly [number, number];
  readonly settings: SglangSettings;
  readonly release: SglangRelease;
}

/** Returns null for a stage without compressed layers. */
export function compressedCell(input: CellInput): CompressedCell | null {
  const { spec, layers, settings, release } = input;
  const found = spec.layers
    .slice(...layers)
    .flatMap(({ attention }) => (attention.kind === 'compressed' ? [attention] : []));
  const [first] = found;
  if (first === undefined) return null;
  const rowBytes = latentRowBytes(first);
  // Until 0.5.14 the config's ratios include the layers that predict tokens, so the budget counts them.
  const counted = found.length + (release.number < 5.15 ? spec.predictionLayers.length : 0);
  const fine = found.filter(({ ratio }) => ratio === 4);
  const coarse = found.filter(({ ratio }) => ratio === 128);
  const isDrafted = settings.speculation !== null;
  const ratio = settings.windowRatio;
  const indexDim = fine[0]?.indexer?.headDim ?? 0;
  const fineRing = (isDrafted ? 16 : 8) / first.window;
  const coarseRing = release.number < 5.15 ? (isDrafted ? 256 : 128) / first.window : 0;
  const perToken =
    ratio * rowBytes * counted +
    (fine.length * (rowBytes + indexRowBytes(indexDim))) / 4 +
    (coarse.length * rowBytes) / 128 +
    ratio * fineRing * fine.length * 4 * stateElementBytes * (first.latentDim + indexDim) +
    ratio * coarseRing * coarse.length * 2 * stateElementBytes * first.latentDim;
  return {
    bytesPerToken: isDrafted ? (perToken * (counted + 1)) / counted : perToken,
    fixedBytes: release.number < 5.15 ? 0 : coarseStateBytes(first, coarse.length, settings),
    windowTokens: first.window,
    groups: groupsOf(rowBytes, first, { fine: fine.length, coarse: coarse.length, all: found.length }),
  };
}

/** Unfinished latents and their scores are kept in fp32. */
const stateElementBytes = 4;

/** fp8 for the part without rotation, 16 bits for the rotated part, and 8 bytes of scales. */
function latentRowBytes({ latentDim, ropeHeadDim }: Compressed): number {
  return latentDim - ropeHeadDim + 2 * ropeHeadDim + 8;
}

function indexRowBytes(dim: number): number {
  return dim + Math.floor(dim / 128) * 4;
}

/** From 0.5.15 the rings of ratio 128 belong to requests (_get_c128_state_fixed_bytes). */
function coarseStateBytes({ latentDim }: Compressed, layers: number, settings: SglangSettings): number {
  const ring = settings.speculation === null ? 128 : 256;
  const rows = Math.ceil((((settings.maxRunningRequests ?? 256) + 1) * ring + ring + 1) / 128) * 128;
  return rows * 2 * latentDim * stateElementBytes * layers;
}

function groupsOf(
  rowBytes: number,
  { window, indexer }: Compressed,
  layers: { readonly fine: number; readonly coarse: number; readonly all: number },
): readonly CacheGroup[] {
  const indexed = rowBytes + indexRowBytes(indexer?.headDim ?? 128);
  const plain = { tokensMax: Number.POSITIVE_INFINITY, stateBytes: 0 };
  const groups: readonly CacheGroup[] = [
    {
      ...plain,
      kind: 'sliding',
      tag: 'sliding latent',
      layers: layers.all,
      entryBytes: rowBytes,
      tokensPerEntry: 1,
      tokensMax: window,
      terms: `${rowBytes} B latent`,
    },
    {
      ...plain,
      kind: 'full',
      tag: 'latent compressed 4x',
      layers: layers.fine,
      entryBytes: indexed,
      tokensPerEntry: 4,
      terms: `(${rowBytes} B latent + ${indexed - rowBytes} B indexer key)`,
    },
    {
      ...plain,
      kind: 'full',
      tag: 'latent compressed 128x',
      layers: layers.coarse,
      entryBytes: rowBytes,
      tokensPerEntry: 128,
      terms: `${rowBytes} B latent`,
    },
  ];
  return groups.filter((group) => group.layers > 0);
}
