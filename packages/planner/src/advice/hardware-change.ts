/** Finds the smallest other device that holds a model whole, if the question's single device does not. */
import { deviceCount } from '../bytes/parallelism.ts';
import { type Deployment, neededBytes } from '../deployment/deployment.ts';
import type { Change } from '../engines/contract/engine-profile.ts';
import type { AnyOptions, PlanRequest } from '../engines/engine-list.ts';
import { prepareIfPossible } from '../engines/engines.ts';
import { usualEngine } from '../engines/usual-engine.ts';

export function hardwareChange(request: PlanRequest, current: Deployment): readonly Change<AnyOptions>[] {
  const { users, contextTokens } = request.workload;
  const needed = neededBytes(current, users, contextTokens);
  if (needed <= current.poolBytes || request.largerDevices === undefined) return [];
  if (deviceCount(request.parallelism) > 1) return [];
  const bytesMin = current.capacityBytes - current.poolBytes + needed;
  for (const hardware of request.largerDevices(bytesMin)) {
    const deployment = prepareIfPossible({ ...request, hardware });
    if (deployment === null || neededBytes(deployment, users, contextTokens) > deployment.poolBytes) continue;
    // Another device may usually run another engine, so the flags name the engine of the question.
    const isUsual = usualEngine(hardware, request.spec.source === 'gguf') === request.engine;
    return [
      {
        kind: 'hardware',
        title: `use ${hardware.name} instead`,
        flags: `--gpu ${hardware.id}${isUsual ? '' : ` --engine ${request.engine}`}`,
        cost: 'other hardware',
        size: 7,
        apply: (old) => ({ ...old, hardware }),
      },
    ];
  }
  return [];
}
