/** The question of a ranking, and its rows. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../bytes/kv-format.ts';
import type { AnyOptions, EngineName } from '../engines/engine-list.ts';
import type { Workload } from '../question/workload.ts';

export interface RankQuestion {
  readonly model: ModelSpec;
  /** The model reference as typed, for start commands. Default: the spec's id. */
  readonly modelReference?: string | undefined;
  /** Published checkpoints of the same model in formats of fewer bits. */
  readonly checkpoints: readonly ModelSpec[];
  /** Further published checkpoints of the model, of which only the weight format is known. */
  readonly conversions: readonly { readonly id: string; readonly format: string }[];
  readonly devices: readonly HardwareRecord[];
  /** Numbers of each device to try, by its id. Default: the usual numbers, up to the first that serves. */
  readonly counts?: ReadonlyMap<string, readonly number[]> | undefined;
  readonly workload: Workload;
  /** Engine of every device. Default: the usual engine of each device, or another if that engine does not serve. */
  readonly engine?: EngineName | undefined;
  readonly engineVersion?: string | undefined;
  /** Weight format to convert to. Default: the formats that users can get. */
  readonly weights?: string | undefined;
  readonly kvFormat?: KvFormat | undefined;
  /** Options of the engine, which the question then names. */
  readonly options?: AnyOptions | undefined;
  /** True if the user named no number of users, so that an engine with slots takes its own number. */
  readonly usersAreDefault?: boolean | undefined;
  readonly tpotSecondsMax?: number | undefined;
  readonly ttftSecondsMax?: number | undefined;
  /** True for a row of every layout, weights and cache; false for the best of each number of devices. */
  readonly everyLayout: boolean;
  /** The price that the first row minimises: dollars per hour, or dollars per million output tokens. */
  readonly order: 'hour' | 'million';
}

export interface RankRow {
  /** Id of the device. */
  readonly hardware: string;
  readonly hardwareName: string;
  readonly count: number;
  readonly layout: { readonly tp: number; readonly pp: number; readonly dp: number; readonly ep: boolean };
  readonly engine: EngineName;
  /** Id of the checkpoint. */
  readonly checkpoint: string;
  readonly weights: string;
  readonly kv: string;
  /** True if the row serves all users within the limits of time. */
  readonly serves: boolean;
  readonly usersMax: number;
  /** Null if the row is lost without a plan. */
  readonly tpotSeconds: number | null;
  /** Seconds to the first token of one prompt on idle devices. */
  readonly ttftSeconds: number | null;
  /** US dollars per hour for all devices; null if the device has no price. */
  readonly perHourUsd: number | null;
  /**
   * US dollars per million output tokens while all users are served; null without a price, or if they are not served.
   */
  readonly perMillionOutputUsd: number | null;
  /** The reason why the row is not the first; null for the first row that serves. */
  readonly lost: string | null;
  /** Command that starts the engine as planned; null if the row does not serve. */
  readonly command: string | null;
}

export interface Ranking {
  /** Rows that serve with a price, cheapest first; rows that serve without a price; rows that do not serve. */
  readonly rows: readonly RankRow[];
  /** Devices without a plan, with the reason. */
  readonly leftOut: readonly { readonly hardware: string; readonly reason: string }[];
  /** True if prices of output include the time of prompts. */
  readonly countsPrompts: boolean;
}
