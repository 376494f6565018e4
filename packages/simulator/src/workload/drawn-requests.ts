/** The requests of a workload without a run: sessions come one after another, and nothing waits for an answer. */
import { sessionSampler } from './sessions.ts';
import { type DrawnRequest, requestSampler, type Workload } from './workload.ts';

/** At most `countMax` requests, and at most as many as a run takes. */
export function* drawnRequests(workload: Workload, countMax: number): Iterable<DrawnRequest> {
  const { arrivals, session = null, requests } = workload;
  const count = Math.min(countMax, requests);
  if (arrivals.kind === 'trace') {
    yield* arrivals.rows.slice(0, count);
    return;
  }
  if (session === null) {
    const draw = requestSampler(workload);
    for (let drawn = 0; drawn < count; drawn++) yield draw();
    return;
  }
  const draw = sessionSampler(workload, session);
  let current = draw();
  for (let drawn = 0; drawn < count; drawn++) {
    yield current.request();
    if (current.pauseSeconds() === null) current = draw();
  }
}
