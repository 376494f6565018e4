/** Below the load line: speed, what to change, the command that says the same, and doubts worth knowing. */
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { aboutCount, aboutSeconds } from '@plimsoll/foundation/estimates';
import type { Advice, Plan } from '@plimsoll/planner';
import { Fragment, type ReactNode, useState } from 'react';
import { Heading, type HeadingLevel } from '../../heading.tsx';
import { fill, type PlannerWords } from '../../words.ts';
import type { AdvisedState } from '../state/settle.ts';
import type { PlannerState } from '../state/state.ts';

export function PlanFigures({
  plan,
  words,
}: {
  readonly plan: Plan;
  readonly words: PlannerWords;
}): ReactNode {
  const { capacity, speed } = plan;
  const condition = plan.fits ? '' : ` (${words.ifFits})`;
  const about = (value: string): string => fill(words.about, { value });
  const rows: readonly (readonly [string, string])[] = [
    [
      fill(words.ttft, { prompt: formatTokens(speed.promptTokens) }) + condition,
      about(aboutSeconds(speed.ttftSeconds)),
    ],
    [words.tpot + condition, `${about(aboutSeconds(speed.tpotSeconds))}, ${words[`bound-${speed.bound}`]}`],
    [words.throughput + condition, about(aboutCount(speed.tokensPerSecond))],
    [words.perUser, formatBytes(capacity.bytesPerUser)],
    [words.perToken, formatBytes(capacity.bytesPerToken)],
    ...priceRow(plan, words),
  ];
  return (
    <dl className="plan-figures">
      {rows.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function priceRow(plan: Plan, words: PlannerWords): readonly (readonly [string, string])[] {
  if (plan.price === null) return [];
  const { perHourUsd, perMillionOutputUsd, countsPrompts } = plan.price;
  const prompts = countsPrompts
    ? fill(words.promptsCounted, { prompt: formatTokens(plan.speed.promptTokens) })
    : words.promptsLeftOut;
  const text = fill(words.priceText, {
    hour: perHourUsd.toFixed(2),
    million: perMillionOutputUsd.toFixed(2),
  });
  return [[words.price, `${text}, ${prompts}`]];
}

export interface AdviceListProps {
  readonly headingLevel: HeadingLevel;
  readonly plan: Plan;
  readonly advised: readonly AdvisedState[];
  readonly words: PlannerWords;
  /** Undefined if the reader cannot change the plan. */
  readonly onFollow?: (state: PlannerState, advice: Advice) => void;
}

export function AdviceList({ headingLevel, plan, advised, words, onFollow }: AdviceListProps): ReactNode {
  if (advised.length === 0) return plan.fits ? null : <p className="advice-none">{words.noAdvice}</p>;
  return (
    <div className="advice">
      <Heading level={headingLevel}>{plan.fits ? words.toServe : words.toFit}</Heading>
      <ol>
        {advised.map(({ advice, state }) => (
          <li key={advice.change}>
            <p>
              <strong>{sentence(advice.change)}</strong> <span className="advice-cost">({advice.cost})</span>
            </p>
            <p>
              <code>{advice.flags}</code>
            </p>
            <p>
              {fill(words.adviceResult, {
                users: formatCount(advice.usersMax),
                context: formatTokens(advice.contextMax),
                tpot: aboutSeconds(advice.tpotSeconds),
              })}
            </p>
            {state !== null && onFollow !== undefined && (
              <button type="button" onClick={() => onFollow(state, advice)}>
                {words.apply}
                <span className="visually-hidden">: {advice.change}</span>
              </button>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

/** The command line's sentence with a capital, and without a line break between a number and its sign. */
function sentence(text: string): string {
  return (text.charAt(0).toUpperCase() + text.slice(1)).replace(/(\d) %/g, '$1\u00a0%');
}

export function CommandBox({
  headingLevel,
  title,
  command,
  words,
}: {
  readonly headingLevel: HeadingLevel;
  readonly title: string;
  readonly command: string;
  readonly words: PlannerWords;
}): ReactNode {
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard.writeText(command).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    });
  };
  return (
    <div className="command-box">
      <Heading level={headingLevel}>{title}</Heading>
      <div>
        <pre>
          <code>
            {command.split(' ').map((word, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: words of a command have no other name, and never move
              <Fragment key={index}>
                {index > 0 && ' '}
                <span>{word}</span>
              </Fragment>
            ))}
          </code>
        </pre>
        <button type="button" onClick={copy}>
          <span aria-live="polite">{isCopied ? words.copied : words.copy}</span>
          <span className="visually-hidden">: {title}</span>
        </button>
      </div>
    </div>
  );
}
