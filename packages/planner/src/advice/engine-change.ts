/** The same device under an engine that loads other files, where the asked one does not serve the users. */
import { deviceCount, singleDevice } from '../bytes/parallelism.ts';
import type { Change } from '../engines/contract/engine-profile.ts';
import { type AnyOptions, engineFace, type PlanRequest } from '../engines/engine-list.ts';
import { prepareIfPossible } from '../engines/engines.ts';
import { otherEngines } from '../engines/other-engines.ts';

export function engineChange(request: PlanRequest): readonly Change<AnyOptions>[] {
  const { engine, workload, parallelism } = request;
  return otherEngines(engine, workload.users).flatMap((other): readonly Change<AnyOptions>[] => {
    const { title, split } = engineFace(other);
    const count = deviceCount(parallelism);
    if (title === null || (split === 'nothing' && count > 1)) return [];
    const spread = split === 'layers' ? { pipeline: count } : { tensor: count };
    const apply: Change<AnyOptions>['apply'] = (old) => ({
      ...old,
      engine: other,
      engineVersion: undefined,
      parallelism: { ...singleDevice, ...spread },
      // Formats and flags are those of the engine that was asked.
      weights: undefined,
      kvFormat: undefined,
      elementType: undefined,
      options: undefined,
    });
    const deployment = prepareIfPossible(apply(request));
    if (deployment === null) return [];
    // A file on disk is the file; of a model, people download the usual mixture.
    const mixture = request.spec.source === 'gguf' ? null : deployment.formats.weights;
    return [
      {
        kind: 'engine',
        title: `serve ${mixture === null ? 'the file' : `a file in ${mixture}`} with ${title}`,
        flags: `--engine ${other}${mixture === null ? '' : ` --weights ${mixture}`}`,
        cost: 'another engine, made for few users at once',
        size: 5.5,
        apply,
      },
    ];
  });
}
