/** The figures of a record that are compared with the previous run, each as "larger is better". */
import { median } from '../record/statistics.ts';
import { type EngineRecord, hasFigures } from './engine-record.ts';
import { engineNames } from './peers.ts';

/** Includes the peers: if they also got slower, the machine is the cause. */
export function comparableFigures({ models, firstToken }: EngineRecord): Readonly<Record<string, number>> {
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
