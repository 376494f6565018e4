/** The settings of a start of SGLang, and what they follow from. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { Parallelism } from '../../bytes/parallelism.ts';
import type { SglangOptions } from './options.ts';
import type { SglangRelease } from './release.ts';

export interface SglangSettings {
  readonly memFractionStatic: number;
  readonly contextLength: number;
  /** Chunk in tokens for the memory rules, before data-parallel attention divides it. */
  readonly chunkedPrefillSize: number;
  readonly graphMaxBatch: number;
  readonly pageSize: number;
  /** Limit of one data-parallel group; null leaves the limit to the pool. */
  readonly maxRunningRequests: number | null;
  readonly maxTotalTokens: number | null;
  readonly radixCache: boolean;
  readonly decodeGraphs: boolean;
  readonly prefillGraphs: boolean;
  /** Devices that share the heads of a request's attention. */
  readonly attentionTensor: number;
  /** Groups that copy the attention layers; 1 without data-parallel attention. */
  readonly attentionGroups: number;
  readonly speculation: Speculation | null;
  /** True if windowed layers may have their own pool. */
  readonly windowPool: boolean;
  readonly windowRatio: number;
  readonly stateRatio: number;
  readonly stateStrategy: StateStrategy;
  /** True if the engine prepares a step while another runs. */
  readonly overlaps: boolean;
  readonly maxStateSlots: number | null;
  /** Bytes that multimodal models keep out of the pools for images (from 0.5.18). */
  readonly reservedBytes: number;
}

export type StateStrategy = 'no_buffer' | 'extra_buffer' | 'extra_buffer_lazy';

/** A model that proposes tokens. Lookups in the text hold no memory of the device. */
export interface Speculation {
  readonly kind: 'eagle' | 'standalone' | 'block';
  /** Tokens that one step verifies. */
  readonly draftTokens: number;
}

/** The inputs of the settings. */
export interface Start {
  readonly spec: ModelSpec;
  readonly hardware: HardwareRecord;
  /** In SGLang's numbers: with data-parallel attention, `data` divides `tensor`. */
  readonly parallelism: Parallelism;
  readonly options: SglangOptions;
  readonly release: SglangRelease;
  readonly contextLength: number;
}

/** Returns true if the process has this role in disaggregated serving. */
export function isRole({ options }: Pick<Start, 'options'>, role: 'prefill' | 'decode'): boolean {
  return options.disaggregationMode === role;
}
