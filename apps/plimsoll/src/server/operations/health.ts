/** `/health` and `/ready`: whether the process can answer, and whether it accepts new requests. */
import type { Engine } from '@plimsoll/engine';
import { z } from 'zod';
import type { RequestGate } from '../http/request-gate.ts';
import type { ServerContext } from '../http/server-env.ts';

export const healthSchema = z
  .object({ status: z.enum(['ok', 'draining', 'broken']), reason: z.string().optional() })
  .meta({ id: 'Health' });

type Health = z.infer<typeof healthSchema>;

/** 503 only if a restart is the way out. */
export function health(engine: Engine, context: ServerContext): Response {
  const broken = brokenBy(engine);
  return broken === null ? context.json({ status: 'ok' } satisfies Health) : context.json(broken, 503);
}

/** 503 while requests should go to another server. */
export function ready(engine: Engine, gate: RequestGate, context: ServerContext): Response {
  const broken = brokenBy(engine);
  if (broken !== null) return context.json(broken, 503);
  if (gate.isDraining) return context.json({ status: 'draining' } satisfies Health, 503);
  return context.json({ status: 'ok' } satisfies Health);
}

function brokenBy({ closedBy }: Engine): Health | null {
  return closedBy === null ? null : { status: 'broken', reason: closedBy.message };
}
