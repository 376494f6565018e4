/** The answer first: does it fit, how many users, how long a context, how fast. Words and a sign, never colour alone. */
import { aboutCount, formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import type { Plan } from '@plimsoll/planner';
import type { ReactNode } from 'react';
import { fill, type PlannerWords } from '../words.ts';
import type { PlannerAnswer } from './settle.ts';
import { whyText } from './why.ts';

export function Verdict({
  answer,
  words,
}: {
  readonly answer: PlannerAnswer;
  readonly words: PlannerWords;
}): ReactNode {
  const { plan, refusal } = answer;
  if (plan === null) {
    return (
      <div className="verdict" data-fits="false">
        <p className="verdict-line">
          <Sign fits={false} />
          {fill(words.refused, { engine: words[`engine-${answer.engine}`], message: refusal?.message ?? '' })}
        </p>
        {refusal?.hint !== undefined && <p>{fill(words.wayOut, { hint: refusal.hint })}</p>}
      </div>
    );
  }
  const { capacity, speed, workload } = plan;
  const isWaiting = !plan.fits && capacity.usersMax > 0 && plan.engine.name !== 'llama.cpp';
  return (
    <div className="verdict" data-fits={plan.fits}>
      <p className="verdict-line">
        <Sign fits={plan.fits} />
        {verdictText(plan, words)}
      </p>
      {isWaiting && (
        <p>
          {fill(words.waits, {
            most: formatCount(capacity.usersMax),
            users: formatCount(workload.users),
          })}
        </p>
      )}
      <ul className="key-figures">
        <Figure value={formatCount(capacity.usersMax)} label={words.usersMax} />
        <Figure value={formatTokens(capacity.contextMax)} label={words.contextMax} />
        <Figure
          value={aboutCount(1 / speed.tpotSeconds)}
          label={plan.fits ? words.tokensEach : `${words.tokensEach}, ${words.ifFits}`}
        />
      </ul>
      <p className="verdict-why">{whyText(plan, words)}</p>
    </div>
  );
}

/** One sentence, also for the live region. */
export function verdictText(plan: Plan, words: PlannerWords): string {
  const isSplit = plan.hardware.devices > 1;
  if (plan.fits) return fill(isSplit ? words.fitsEach : words.fits, { spare: formatBytes(plan.spareBytes) });
  if (plan.spareBytes >= 0) return words.shortOther;
  return fill(isSplit ? words.shortEach : words.short, { missing: formatBytes(-plan.spareBytes) });
}

function Sign({ fits }: { readonly fits: boolean }): ReactNode {
  return (
    <svg className="verdict-sign" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true">
      <circle cx="12" cy="12" r="10.5" fill="none" stroke="currentColor" strokeWidth="2" />
      <path
        d={fits ? 'M6.5 12.5l3.5 3.5 7-8' : 'M8 8l8 8M16 8l-8 8'}
        fill="none"
        stroke="currentColor"
        strokeWidth="2.5"
      />
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
