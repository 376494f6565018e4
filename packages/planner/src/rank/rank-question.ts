/** What a ranking is asked, and its rows. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../bytes/kv-format.ts';
import type { EngineName } from '../engines/engine-list.ts';
import type { Workload } from '../question/workload.ts';

export interface RankQuestion {
  readonly model: ModelSpec;
  /** The model as a person typed it, for start commands; the spec's id when absent. */
  readonly modelReference?: string | undefined;
  /** Published checkpoints of the same model in formats of fewer bits. */
  readonly checkpoints: readonly ModelSpec[];
  readonly devices: readonly HardwareRecord[];
  /** Numbers of a device to try, by its id. Absent: the usual ones, up to the first that does what is asked. */
  readonly counts?: ReadonlyMap<string, readonly number[]> | undefined;
  readonly workload: Workload;
  /** The engine of every device; the usual one of each device, and another where that one fails, when absent. */
  readonly engine?: EngineName | undefined;
  readonly engineVersion?: string | undefined;
  /** A weight format to convert to, in place of those that people can get. */
  readonly weights?: string | undefined;
  readonly kvFormat?: KvFormat | undefined;
  readonly tpotSecondsMax?: number | undefined;
  readonly ttftSecondsMax?: number | undefined;
  /** True for a row of every layout, weights and cache; false for the best of each number of devices. */
  readonly everyLayout: boolean;
  /** What the first row has least of: dollars per hour, or dollars per million output tokens. */
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
  /** Whether all asked users are served within the asked times. */
  readonly serves: boolean;
  readonly usersMax: number;
  /** Null where the row is lost before anything is planned. */
  readonly tpotSeconds: number | null;
  /** Of one prompt on idle devices. */
  readonly ttftSeconds: number | null;
  /** Of all devices; null where the device has no price. */
  readonly perHourUsd: number | null;
  /** While the asked users are served; null without a price, and where they are not served. */
  readonly perMillionOutputUsd: number | null;
  /** Why this row is not the first; null for the first row that serves. */
  readonly lost: string | null;
  /** Starts the engine as planned; null where the users are not served. */
  readonly command: string | null;
}

export interface Ranking {
  /** Rows that serve and have a price, cheapest first; rows that serve and have none; rows that do not serve. */
  readonly rows: readonly RankRow[];
  /** Devices that no plan is made for, with the reason. */
  readonly leftOut: readonly { readonly hardware: string; readonly reason: string }[];
  /** Whether prices of output count the time of prompts. */
  readonly countsPrompts: boolean;
}
