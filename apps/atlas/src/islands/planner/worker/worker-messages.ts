/** What the page and the planner's worker say to each other. */
import type { ErrorDetails } from '@plimsoll/foundation';
import type { Registry } from '@plimsoll/registry';
import type { PlannerAnswer } from '../state/settle.ts';
import type { PlannerState } from '../state/state.ts';
import type { PlannerCharts, PlannerPicture } from './picture.ts';

export type PlannerQuestion =
  | { readonly kind: 'picture'; readonly state: PlannerState }
  | { readonly kind: 'charts'; readonly answer: PlannerAnswer }
  | { readonly kind: 'models'; readonly text: string }
  | { readonly kind: 'devices'; readonly text: string };

export interface PlannerAnswers {
  readonly picture: PlannerPicture;
  readonly charts: PlannerCharts | null;
  readonly models: ReturnType<Registry['searchModels']>;
  readonly devices: ReturnType<Registry['searchHardware']>;
}

/** Questions are numbered: answers may come in another order, because some wait for files. */
export interface NumberedQuestion {
  readonly number: number;
  readonly question: PlannerQuestion;
}

export type PlannerReply =
  | { readonly number: number; readonly value: PlannerAnswers[PlannerQuestion['kind']] }
  | { readonly number: number; readonly error: ErrorDetails };
