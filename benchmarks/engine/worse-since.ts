/** Figures that are worse than in the record before, every one as "larger is better". */
import { median } from '../record/statistics.ts';
import { type EngineRecord, hasFigures } from './engine-record.ts';
import { engineNames } from './peers.ts';

/** Changes below this are the noise of a quiet machine. */
const noise = 0.1;

export function worseSince(record: EngineRecord, previous: EngineRecord | null): string {
  const head = '## Since the run before';
  if (previous === null) return `${head}\n\nThere is no earlier record to compare with.`;
  const before = comparableFigures(previous);
  const worse = Object.entries(comparableFigures(record)).flatMap(([name, value]) => {
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

/** Peers too: when they got slower as well, it was the machine. */
function comparableFigures({ models, firstToken }: EngineRecord): Readonly<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const { shape, mixture, engines, bandwidth, load } of models) {
    const model = `${shape} ${mixture}`;
    for (const name of engineNames) {
      const result = engines[name];
      if (!hasFigures(result)) continue;
      figures[`${model}, ${name}, prefill`] = median(result.prefill);
      figures[`${model}, ${name}, decode`] = median(result.decode);
    }
    figures[`${model}, bandwidth`] = median(bandwidth);
    if (load !== null) figures[`${model}, loads per second`] = 1 / median(load.load);
  }
  if (!('refused' in firstToken)) figures['first tokens per second'] = 1 / median(firstToken.seconds);
  return figures;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
