/** The figure of a plan that corresponds to a figure that an engine prints. */
import { GiB } from '@plimsoll/foundation';
import { ledgerBytes } from '../bytes/ledger.ts';
import type { PlannedFigure } from '../engines/contract/start-log.ts';
import type { Plan } from '../plan.ts';

/** Returns the figure in GiB, tokens or times; null if the plan has none. */
export function plannedValue({ ledger, capacity }: Plan, planned: PlannedFigure): number | null {
  switch (planned) {
    case 'poolBytes':
      return capacity.poolBytes / GiB;
    case 'kvTokens':
    case 'concurrency':
      return capacity.printed?.[planned] ?? null;
    default:
      return ledgerBytes(ledger, planned) / GiB;
  }
}
