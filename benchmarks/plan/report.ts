/** Formats the record as Markdown: numbers with their targets, then the figures that got worse since the last run. */
import { formatCount } from '@plimsoll/foundation';
import { percent, verdict } from '../record/report-text.ts';
import { runLines } from '../record/run-description.ts';
import { worseSince } from '../record/worse-since.ts';
import { coldCommand } from './cold-command.ts';
import type { GridResult } from './grid.ts';
import type { PlanRecord } from './plan-record.ts';

const ratioTarget = 1000;
const gridSecondsTarget = 5;
const coldMillisecondsTarget = 200;

export function renderRecord(record: PlanRecord, previous: PlanRecord | null): string {
  return `${[
    `# Planner speed, ${record.run.date}`,
    runLines(record.run),
    ...solveSection(record),
    ...record.grids.map(gridSection),
    coldSection(record),
    worseSince(record, previous, comparableFigures),
  ].join('\n\n')}\n`;
}

function solveSection({ speed, mlsysimAnswer }: PlanRecord): readonly string[] {
  const base = speed.mlsysimPerSecond;
  const rows = Object.entries(speed.perSecond).map(([name, perSecond]) => {
    const ratio = base === null ? 'not measured' : `${formatCount(Math.round(perSecond / base))}x`;
    return `| ${name} | ${formatCount(Math.round(perSecond))} | ${ratio} | ${percent(speed.spread[name] ?? 0)} |`;
  });
  const mlsysim =
    base === null || mlsysimAnswer === null
      ? 'mlsysim was left out of this run.'
      : `mlsysim ${mlsysimAnswer.version} \`ServingModel.solve\`: ${formatCount(Math.round(base))} per second (spread ${percent(speed.spread.mlsysim ?? 0)}).`;
  const first =
    base === null
      ? 'not measured'
      : verdict((speed.perSecond['solve, engine none'] ?? 0) / base >= ratioTarget);
  return [
    '## Solves per second',
    `Llama 3.1 8B on an H100, six lengths from 2,048 tokens and five batch sizes, in turns (A B A B), medians. ${mlsysim} ${firstQuestion(speed.firstKvBytes)}`,
    ['| what is asked | per second | against mlsysim | spread |', '|---|---:|---:|---:|', ...rows].join('\n'),
    `Target for \`solve\`: at least ${formatCount(ratioTarget)}x: ${first}. \`solve\` answers about a prepared deployment, as mlsysim's does about a model and a device that are objects already; "prepare and solve" builds the deployment anew for every question.`,
  ];
}

/** Both programs must give the same answer, or the comparison means nothing. */
function firstQuestion({ plimsoll, mlsysim }: PlanRecord['speed']['firstKvBytes']): string {
  const ours = `${formatCount(plimsoll)} bytes of cache`;
  if (mlsysim === null) return `The first question takes ${ours}.`;
  if (mlsysim === plimsoll) return `Both find ${ours} for the first question.`;
  return `For the first question they disagree: ${ours} here, ${formatCount(mlsysim)} by mlsysim.`;
}

function gridSection(grid: GridResult): string {
  const refusedPoints = Object.values(grid.refused).reduce((sum, count) => sum + count, 0);
  const reasons = Object.entries(grid.refused).map(([code, count]) => `${code} ${formatCount(count)}`);
  const answered = grid.points - refusedPoints;
  const total = grid.loadSeconds + grid.planSeconds;
  const target =
    grid.engine === 'none' && grid.modelStep === 1
      ? ` Target: under ${gridSecondsTarget} s: ${verdict(total < gridSecondsTarget)}.`
      : '';
  return [
    `## ${grid.modelStep === 1 ? 'The whole grid' : `A grid of every ${grid.modelStep}th model`}, engine ${grid.engine}`,
    `${formatCount(grid.models)} models x ${formatCount(grid.devices)} devices x 4 weight precisions x 6 contexts = ${formatCount(grid.points)} points in one new process: ${total.toFixed(2)} s, of which ${grid.loadSeconds.toFixed(2)} s read the records; ${grid.processorSeconds.toFixed(2)} s of processor time with start-up, compilation and collection.${target}`,
    `${formatCount(answered)} points have numbers: ${formatCount(grid.fit)} fit, ${formatCount(grid.tooLarge)} do not, ${formatCount(grid.beyondContext)} ask for more context than the model has. ${formatCount(refusedPoints)} are refused${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}.`,
  ].join('\n\n');
}

function coldSection({ cold }: PlanRecord): string {
  return [
    '## The cold command',
    `\`${coldCommand}\`, ${cold.runs} runs, each a new process, in turns with an empty one.`,
    [
      '| | ms |',
      '|---|---:|',
      `| median | ${cold.medianMilliseconds.toFixed(0)} |`,
      `| p90 | ${cold.p90Milliseconds.toFixed(0)} |`,
      `| first run, nothing compiled before | ${cold.firstRunMilliseconds.toFixed(0)} |`,
      `| \`node -e 0\` | ${cold.emptyNodeMilliseconds.toFixed(0)} |`,
    ].join('\n'),
    `Target: under ${coldMillisecondsTarget} ms: ${verdict(cold.medianMilliseconds < coldMillisecondsTarget)} (median).`,
  ].join('\n\n');
}

/** Returns every figure as "larger is better", so that one rule finds regressions. */
function comparableFigures(record: PlanRecord): Readonly<Record<string, number>> {
  return {
    ...Object.fromEntries(
      Object.entries(record.speed.perSecond).map(([name, value]) => [`${name}, per second`, value]),
    ),
    ...Object.fromEntries(
      record.grids.map((grid) => [
        `grid points per second, engine ${grid.engine}`,
        grid.points / (grid.loadSeconds + grid.planSeconds),
      ]),
    ),
    'cold commands per second': 1000 / record.cold.medianMilliseconds,
    'first runs per second': 1000 / record.cold.firstRunMilliseconds,
  };
}
