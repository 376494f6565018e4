/** Renders the estimate and the result of `plimsoll features`. */
import { formatBytes, formatCount, formatSeconds } from '@plimsoll/foundation';
import type { FeaturesAnswer } from '../features/features-schema.ts';
import { renderTable } from './table.ts';

export function renderFeatures({ settings, estimate, result }: FeaturesAnswer): string {
  const { layers, states, strategy } = settings;
  const skipped = Object.entries(estimate.skipped)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${formatCount(count)} ${reason}`);
  const rows = [
    ['target', String(settings.target)],
    [
      'features',
      `${strategy}: layers ${Array.isArray(layers) ? layers.join(', ') : ''} and final states, ${states}`,
    ],
    ['samples', `${formatCount(estimate.prompts)} of ${formatCount(estimate.lines)} lines`],
    ...(skipped.length > 0 ? [['skipped', skipped.join(', ')]] : []),
    ['tokens', `${formatCount(estimate.tokens)}, ${formatCount(estimate.lossTokens)} of them in answers`],
    [
      'disk',
      `${formatBytes(estimate.featureBytes)} (${formatBytes(estimate.bytesPerToken)} per token); ${formatBytes(estimate.diskFreeBytes)} free`,
    ],
    ['memory', `${formatBytes(estimate.memoryBytes)} for the engine`],
    ...(result === null ? timeRows(estimate) : resultRows(result)),
  ];
  const fault = estimate.firstFault === null ? '' : `\n\nfirst fault: ${estimate.firstFault}`;
  return `${renderTable(rows, ['left', 'left'])}${fault}`;
}

function timeRows({ seconds }: FeaturesAnswer['estimate']): string[][] {
  if (seconds === null) return [];
  const { capture, answersMax } = seconds;
  const answers = answersMax === 0 ? '' : `, after at most ${formatSeconds(answersMax)} of answers`;
  return [['time', `${formatSeconds(capture)} of capture${answers} (scaled from a few prompts)`]];
}

function resultRows(result: NonNullable<FeaturesAnswer['result']>): string[][] {
  const { captured, existing, failed, answers, tokens, captureSeconds, bytes, folder } = result;
  const rate = formatCount(tokens / Math.max(captureSeconds, 1e-9));
  return [
    ...(answers === null
      ? []
      : [
          [
            'answers',
            `${formatCount(answers.conversations)} by the target (${formatCount(answers.cut)} cut off, ${formatCount(answers.skipped)} skipped) in ${formatSeconds(answers.seconds)}`,
          ],
        ]),
    [
      'captured',
      `${formatCount(captured)} samples, ${formatCount(tokens)} tokens in ${formatSeconds(captureSeconds)} (${rate} tokens/s)`,
    ],
    ...(existing > 0 ? [['existing', `${formatCount(existing)} samples of an earlier run`]] : []),
    ...failed.map(({ sourceId, reason }) => ['failed', `${sourceId}: ${reason}`]),
    ['folder', `${folder}: ${formatBytes(bytes)}`],
  ];
}
