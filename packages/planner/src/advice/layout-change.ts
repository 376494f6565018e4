/** Another layout of the same devices: it costs no hardware, and copies of the attention or of key-value heads cost memory. */
import { deviceCount, type Parallelism } from '../bytes/parallelism.ts';
import { type Deployment, usersMax } from '../deployment/deployment.ts';
import type { Change } from '../engines/contract/engine-profile.ts';
import { layoutFlags, layoutName, layoutsOf } from '../engines/contract/layouts.ts';
import { type AnyOptions, engineFace, type PlanRequest } from '../engines/engine-list.ts';
import { prepareIfPossible } from '../engines/engines.ts';

interface Arranged {
  readonly parallelism: Parallelism;
  readonly users: number;
  readonly tpotSeconds: number;
}

/** Finds the layout of these devices that serves the most users, of equal ones the fastest; none if the present one does. */
export function layoutChange(request: PlanRequest, current: Deployment): readonly Change<AnyOptions>[] {
  const { parallelism: now, spec, engine, workload } = request;
  const face = engineFace(engine);
  const count = deviceCount(now);
  if (count === 1 || face.split !== 'tensors') return [];
  const arranged = (parallelism: Parallelism, deployment: Deployment): Arranged => ({
    parallelism,
    users: usersMax(deployment, workload.contextTokens),
    tpotSeconds: deployment.speed.decodeSeconds(workload.users, workload.contextTokens),
  });
  const present = arranged(now, current);
  let best = present;
  for (const layout of layoutsOf(count, spec, face.split)) {
    // Whole or cut experts stay as asked: they change what each kernel computes, not where layers lie.
    if (layout.expertParallel) continue;
    const parallelism = { ...layout, expertParallel: now.expertParallel };
    const deployment = prepareIfPossible({ ...request, parallelism });
    if (deployment === null) continue;
    const other = arranged(parallelism, deployment);
    if (other.users > best.users || (other.users === best.users && other.tpotSeconds < best.tpotSeconds))
      best = other;
  }
  if (best.users <= present.users) return [];
  const { parallelism, tpotSeconds } = best;
  return [
    {
      kind: 'layout',
      title: `lay out the same ${count} devices as ${layoutName(parallelism)}`,
      flags: layoutFlags(face, now, parallelism),
      cost: tpotSeconds > present.tpotSeconds * 1.1 ? 'more time per token' : 'no more than a restart',
      size: 1,
      apply: (old) => ({ ...old, parallelism }),
    },
  ];
}
