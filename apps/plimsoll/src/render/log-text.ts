/** Renders the explanation of a log: the start, its figures and the plan's, the error, and commands that start. */
import { formatCount } from '@plimsoll/foundation';
import { engineFace } from '@plimsoll/planner/engines';
import type { LogExplanation } from '../log-explanation.ts';
import { paint } from './styled-text.ts';
import { renderTable } from './table.ts';
import { proseWidth, wrapText } from './terminal.ts';

export function renderLog(explanation: LogExplanation): string {
  const { engine, release, model, hardware, flags } = explanation;
  const title = `${engineFace(engine).title}${release === null ? '' : ` ${release}`}`;
  const head = [
    `${title}: ${model ?? 'an unnamed model'} on ${hardware ?? 'an unnamed device'}`,
    ...(flags === '' ? [] : [wrapText(flags, { width: proseWidth() })]),
  ].join('\n');
  return [head, figures(explanation), error(explanation), changes(explanation), rest(explanation)]
    .filter((section) => section !== '')
    .join('\n\n');
}

function figures({ figures: compared }: LogExplanation): string {
  if (compared.length === 0) return '';
  const rows = compared.map(({ name, unit, printed, planned }) => [
    name,
    amount(printed, unit),
    planned === null ? '-' : amount(planned, unit),
    planned === null || printed === 0 ? '' : `${((planned / printed - 1) * 100).toFixed(1)} %`,
  ]);
  return renderTable([['', 'printed', 'planned', ''], ...rows]);
}

function amount(value: number, unit: LogExplanation['figures'][number]['unit']): string {
  if (unit === 'tokens') return `${formatCount(Math.round(value))} tokens`;
  return unit === 'GiB' ? `${value.toFixed(2)} GiB` : `${value.toFixed(2)} times`;
}

function error({ error: found }: LogExplanation): string {
  if (found === null) return 'The log has no error of memory.';
  const text = `${paint(['bold', 'red'], 'What went wrong')} (line ${formatCount(found.line)}): ${found.message}.`;
  return wrapText(text, { width: proseWidth() });
}

function changes({ changes: found, error: failure }: LogExplanation): string {
  if (failure === null) return '';
  const starting = found.filter((change) => change.starts);
  const lines = (list: typeof found): readonly string[] =>
    list.map(({ flags }) => `  ${paint('cyan', flags)}`);
  if (starting.length === 0) {
    if (found.length === 0) return 'No change was found that starts.';
    return [paint('bold', 'What the log suggests, without a plan that confirms it:'), ...lines(found)].join(
      '\n',
    );
  }
  const command = starting.find((change) => change.command !== null)?.command ?? null;
  return [
    paint('bold', 'What starts, as planned:'),
    ...lines(starting),
    ...(command === null ? [] : ['', paint('bold', 'The first of them as a command:'), `  ${command}`]),
  ].join('\n');
}

function rest({ notUnderstood }: LogExplanation): string {
  if (notUnderstood.length === 0) return '';
  return ['Not understood:', ...notUnderstood.map((note) => `  - ${note}`)].join('\n');
}
