/**
 * The data behind speed assumptions, as `registry/data/engines/speed.json` states them. Profiles of engines on HBM state
 * what measurements decide, four constants; priors fill in the rest, so that the form transfers to other sources.
 */
import speed from '@plimsoll/registry/engines/speed.json' with { type: 'json' };

export type SpeedEngine = 'tensorrt-llm' | 'serving' | 'llama.cpp' | 'eager';
export type DeviceMemory = 'hbm' | 'graphics' | 'apple' | 'shared' | 'cpu';

/** One row of the data file. */
export interface SpeedProfile {
  readonly engine: string;
  readonly device: string;
  readonly computeEfficiency: number;
  readonly attentionEfficiency: number;
  readonly bandwidthEfficiency: number;
  readonly cacheEfficiency: number;
  readonly expertEfficiency: number;
  readonly layerSeconds: number;
  readonly stepSeconds: number;
  readonly sequenceSeconds: number;
  readonly overlap: number;
  /** Tokens of one prefill step. */
  readonly chunkTokens: number;
  readonly provenance: { readonly kind: string };
}

export interface SpeedTable {
  readonly profiles: readonly SpeedProfile[];
  /** Factors on the compute efficiency for operands narrower than 16 bits. */
  readonly formatEfficiency: Readonly<Record<string, number>>;
  /**
   * Factors on the compute and bandwidth efficiencies for vendors whose kernels stay further below their data sheets.
   */
  readonly vendors: Readonly<Record<string, { readonly compute: number; readonly bandwidth: number }>>;
  readonly links: Readonly<
    Record<'switched' | 'pcie', { readonly efficiency: number; readonly collectiveSeconds: number }>
  >;
  readonly hostBandwidthBytesPerSecond: number;
  /** Spread of the request lengths in benchmarks with random lengths, as a share of the time of a request. */
  readonly lengthSpread: number;
  /** Seconds of a request outside the devices, per engine: connection, tokeniser, first answer. */
  readonly requestSeconds: Readonly<Record<FrontEnd, FrontEndSeconds>>;
  readonly maturity: readonly MaturityRow[];
  readonly sparseAttention: {
    /** Heads that a kernel computes at once, from the newest devices to the oldest. */
    readonly heads: readonly { readonly capabilityMin: number; readonly heads: number }[];
    readonly indexerSeconds: number;
  };
}

type FrontEnd = 'tensorrt-llm' | 'vllm' | 'sglang' | 'other';

export interface FrontEndSeconds {
  readonly seconds: number;
  readonly perPromptToken: number;
}

/** Engines until a month took longer on every step of these models or devices. */
export interface MaturityRow {
  readonly attention?: string;
  readonly vendor?: string;
  /** The last month, as `2025-05`. */
  readonly until: string;
  readonly stepFactor: number;
  /** A further factor on the operations of matrix products, which decide the time of prompts. Default: 1. */
  readonly operationsFactor?: number;
}

const { attentionEfficiency, bandwidthEfficiency, cacheEfficiency, sequenceSeconds, overlap, chunkTokens } =
  speed.priors.fields;

/** What a profile assumes where it states no value of its own. */
const priors = {
  attentionEfficiency: attentionEfficiency.value,
  bandwidthEfficiency: bandwidthEfficiency.value,
  cacheEfficiency: cacheEfficiency.value,
  sequenceSeconds: sequenceSeconds.value,
  overlap: overlap.value,
  chunkTokens: chunkTokens.value,
};

export const shippedSpeedTable: SpeedTable = {
  profiles: speed.profiles.map((profile) => ({ ...priors, ...profile })),
  formatEfficiency: speed.formatEfficiency.value,
  vendors: speed.vendors.value,
  links: speed.links.value,
  hostBandwidthBytesPerSecond: speed.hostBandwidthBytesPerSecond.value,
  lengthSpread: speed.lengthSpread.value,
  requestSeconds: speed.requestSeconds.value,
  maturity: speed.maturity.rows,
  sparseAttention: speed.sparseAttention.value,
};

/** Shares that llama.cpp reaches with flash attention; the data file names the measurements. */
export const flashAttentionShares: {
  readonly cacheEfficiency: number;
  readonly attentionEfficiency: number;
} = speed.flashAttention.value;

/** Maps an engine's name, as benchmarks or our profiles write it, to its group. */
export function speedEngine(name: string): SpeedEngine {
  const text = name.toLowerCase();
  if (/tensorrt|trt-?llm|\bnim\b/.test(text)) return 'tensorrt-llm';
  if (/llama\.?cpp|ollama|exllama|mlc|mlx|tinychat|lm studio|koboldcpp/.test(text)) return 'llama.cpp';
  return /transformers/.test(text) ? 'eager' : 'serving';
}
