/** Reports every figure, as "larger is better", that is worse than in the previous run. */
import { percent } from './report-text.ts';
import type { RunDescription } from './run-description.ts';

/** Changes below this are the noise of a quiet machine. */
const noise = 0.1;

/** `figuresOf` returns a record's figures by name, each as larger is better; names in only one record are skipped. */
export function worseSince<Written extends { readonly run: RunDescription }>(
  record: Written,
  previous: Written | null,
  figuresOf: (record: Written) => Readonly<Record<string, number>>,
): string {
  const head = '## Since the run before';
  if (previous === null) return `${head}\n\nThere is no earlier record to compare with.`;
  const before = figuresOf(previous);
  const worse = Object.entries(figuresOf(record)).flatMap(([name, value]) => {
    const old = before[name];
    return old !== undefined && value < old * (1 - noise)
      ? [`- ${name}: ${value.toPrecision(4)}, was ${old.toPrecision(4)} (${percent(value / old - 1)})`]
      : [];
  });
  const { date, commit, machine } = previous.run;
  const about = `Compared with ${date}, commit ${commit}, ${machine.processor}, load ${machine.load}.`;
  const found =
    worse.length === 0
      ? `Nothing is worse by more than ${percent(noise)}.`
      : `Worse by more than ${percent(noise)}:\n\n${worse.join('\n')}`;
  return `${head}\n\n${about} ${found}`;
}
