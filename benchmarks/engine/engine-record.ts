/** The results of one run of the engine's benchmark. */
import type { RunDescription } from '../record/run-description.ts';
import type { EngineName } from './peers.ts';
import type { MixtureName } from './shapes.ts';

export interface EngineFigures {
  readonly version: string;
  /** From opening the file to being ready, file in the page cache, one sample. */
  readonly loadSeconds: number;
  /** Tokens per second, one per turn. */
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  /** Number of leading tokens of the first turn that equal our engine's tokens. */
  readonly sameTokens: number;
}

/** One engine on one model: its figures, or the reason for their absence. */
export type EngineResult = EngineFigures | { readonly refused: string };

export interface ModelResult {
  readonly shape: string;
  readonly mixture: MixtureName;
  readonly fileBytes: number;
  readonly types: readonly { readonly type: string; readonly share: number }[];
  /** Weights, and keys and values at the middle of the decode. */
  readonly tokenBytes: number;
  readonly engines: Readonly<Partial<Record<EngineName, EngineResult>>>;
  /** Bytes per second, one per turn. */
  readonly bandwidth: readonly number[];
  readonly load: LoadTimes | null;
}

/** Seconds, one per round. */
export interface LoadTimes {
  readonly read: readonly number[];
  readonly load: readonly number[];
  /** Seconds to read the file after dropping it from the page cache; empty if it cannot be dropped. */
  readonly readFromDisk: readonly number[];
  readonly loadFromDisk: readonly number[];
}

export interface FirstToken {
  readonly command: string;
  readonly model: string;
  /** From starting the process to the first text on its output, one per run. */
  readonly seconds: readonly number[];
}

export interface EngineRecord {
  readonly run: RunDescription;
  readonly settings: {
    readonly threads: number;
    readonly repetitions: number;
    readonly promptTokens: number;
    readonly decodeTokens: number;
  };
  /** Engines that did not run, with the reason. */
  readonly leftOut: Readonly<Partial<Record<EngineName, string>>>;
  readonly models: readonly ModelResult[];
  readonly firstToken: FirstToken | { readonly refused: string };
}

export function hasFigures(result: EngineResult | undefined): result is EngineFigures {
  return result !== undefined && !('refused' in result);
}
