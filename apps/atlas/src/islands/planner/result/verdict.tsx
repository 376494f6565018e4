/** The answer first: does it fit, how many users, how long a context, how fast. Words and a sign, never colour alone. */
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { aboutCount } from '@plimsoll/foundation/estimates';
import type { Plan } from '@plimsoll/planner';
import { engineFace, memoryShort } from '@plimsoll/planner/engines';
import type { ReactNode, RefObject } from 'react';
import { fill, type PlannerWords } from '../../words.ts';
import type { PlannerAnswer } from '../state/settle.ts';
import { whyText } from './why.ts';

export interface VerdictProps {
  readonly answer: PlannerAnswer;
  readonly words: PlannerWords;
  /** Takes the focus when the pressed button is gone. */
  readonly place: RefObject<HTMLDivElement | null>;
}

/** Whether there is an engine that starts, and lets the users wait that it has no room for. */
function waits({ engine }: Plan): boolean {
  const { title, usersWait } = engineFace(engine.name);
  return title !== null && usersWait;
}

export function Verdict({ answer, words, place }: VerdictProps): ReactNode {
  const { plan, refusal } = answer;
  if (plan === null) {
    return (
      <div className="verdict" data-fits="none" ref={place} tabIndex={-1}>
        <p className="verdict-line">
          <Sign fit="none" />
          {fill(words.refused, { engine: words[`engine-${answer.engine}`], message: refusal?.message ?? '' })}
        </p>
        {refusal?.hint !== undefined && <p>{fill(words.wayOut, { hint: refusal.hint })}</p>}
      </div>
    );
  }
  const { capacity, speed } = plan;
  return (
    <div className="verdict" data-fits={fitOf(plan)} ref={place} tabIndex={-1}>
      <p className="verdict-line">
        <Sign fit={fitOf(plan)} />
        {verdictText(plan, words)}
      </p>
      <StartNote plan={plan} words={words} />
      <ul className="key-figures">
        <Figure value={formatCount(capacity.usersMax)} label={words.usersMax} />
        <Figure value={formatTokens(capacity.contextMax)} label={contextLabel(plan, words)} />
        <Figure
          value={aboutCount(1 / speed.tpotSeconds)}
          label={plan.fits ? words.tokensEach : `${words.tokensEach}, ${words.ifFits}`}
        />
      </ul>
      <p className="verdict-why">{whyText(plan, words)}</p>
    </div>
  );
}

/** Why the engine does not start, where the verdict does not say so already. */
function StartNote({ plan, words }: { readonly plan: Plan; readonly words: PlannerWords }): ReactNode {
  const { reason, fix } = plan.start;
  if (reason === null || (!plan.fits && reason.code === memoryShort)) return null;
  return (
    <p className="verdict-start">
      {fill(words.startStops, { engine: words[`engine-${plan.engine.name}`], message: reason.message })}
      {fix !== null && ` ${fill(words.startFix, { flags: fix.flags })}`}
    </p>
  );
}

function contextLabel({ workload: { users } }: Plan, words: PlannerWords): string {
  return users === 1 ? words.contextMaxOne : fill(words.contextMax, { users: formatCount(users) });
}

type Fit = 'all' | 'some' | 'none';

/** "some" means that not all users run at once, or that the engine starts with other flags only. */
function fitOf({ fits, start, capacity }: Plan): Fit {
  if (fits) return start.starts ? 'all' : 'some';
  return capacity.usersMax > 0 ? 'some' : 'none';
}

/** One sentence, also for the live region. */
export function verdictText(plan: Plan, words: PlannerWords): string {
  if (!plan.fits && fitOf(plan) === 'some') {
    // An engine with a queue makes the other users wait. Any other engine has no room for them.
    return fill(waits(plan) ? words.fitsSome : words.fitsFewer, {
      most: formatCount(plan.capacity.usersMax),
      users: formatCount(plan.workload.users),
    });
  }
  const isSplit = plan.hardware.devices > 1;
  if (plan.fits) return fill(isSplit ? words.fitsEach : words.fits, { spare: formatBytes(plan.spareBytes) });
  if (plan.spareBytes >= 0) return words.shortOther;
  return fill(isSplit ? words.shortEach : words.short, { missing: formatBytes(-plan.spareBytes) });
}

const signs: Readonly<Record<Fit, string>> = {
  all: 'M6.5 12.5l3.5 3.5 7-8',
  some: 'M12 6v8M12 16.5v1.5',
  none: 'M8 8l8 8M16 8l-8 8',
};

function Sign({ fit }: { readonly fit: Fit }): ReactNode {
  return (
    <svg className="verdict-sign" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true">
      <circle cx="12" cy="12" r="10.5" fill="none" stroke="currentColor" strokeWidth="2" />
      <path d={signs[fit]} fill="none" stroke="currentColor" strokeWidth="2.5" />
    </svg>
  );
}

function Figure({ value, label }: { readonly value: string; readonly label: string }): ReactNode {
  return (
    <li>
      <strong>{value}</strong> <span>{label}</span>
    </li>
  );
}
