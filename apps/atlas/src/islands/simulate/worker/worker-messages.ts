/** What the page and the simulator's worker say to each other. */
import type { ErrorDetails } from '@plimsoll/foundation';
import type { Registry } from '@plimsoll/registry';
import type { ScenarioDraft } from '../state/drafts.ts';
import type { ScenarioEdit } from '../state/scenario-paths.ts';
import type { Curve, CurveLoads } from './goodput-curve.ts';
import type { ScenarioResult } from './run-scenario.ts';

export type SimulatorQuestion =
  /** The scenarios of an address. */
  | { readonly kind: 'open'; readonly query: string }
  | { readonly kind: 'example'; readonly name: string }
  | { readonly kind: 'draft'; readonly text: string }
  | { readonly kind: 'edit'; readonly text: string; readonly edits: readonly ScenarioEdit[] }
  | { readonly kind: 'address'; readonly drafts: readonly ScenarioDraft[] }
  | { readonly kind: 'models'; readonly text: string }
  | { readonly kind: 'devices'; readonly text: string }
  | { readonly kind: 'run'; readonly text: string }
  /** Null takes the loads of this scenario. */
  | { readonly kind: 'curve'; readonly text: string; readonly loads: CurveLoads | null };

export interface SimulatorAnswers {
  readonly open: readonly ScenarioDraft[];
  readonly example: ScenarioDraft;
  readonly draft: ScenarioDraft;
  readonly edit: ScenarioDraft;
  /** The query of the drafts; null if it would be too long. */
  readonly address: string | null;
  readonly models: ReturnType<Registry['searchModels']>;
  readonly devices: ReturnType<Registry['searchHardware']>;
  readonly run: ScenarioRunView;
  readonly curve: Curve;
}

export interface ScenarioRunView extends ScenarioResult {
  /** The timeline as a file. */
  readonly svg: string;
}

/** What a question in progress reports. */
export type SimulatorProgress =
  | { readonly kind: 'run'; readonly ended: number; readonly requests: number }
  | ({ readonly kind: 'curve' } & Curve);

export interface NumberedQuestion {
  readonly number: number;
  readonly question: SimulatorQuestion;
}

export type SimulatorReply =
  | { readonly number: number; readonly value: SimulatorAnswers[SimulatorQuestion['kind']] }
  | { readonly number: number; readonly progress: SimulatorProgress }
  | { readonly number: number; readonly error: ErrorDetails };
