/**
 * Writes the steps of a run as a Chrome trace (the Trace Event Format), which chrome://tracing and Perfetto open: a
 * process per replica, a slice per step or stretch of decode steps, counters for the batch and the KV cache. Times are microseconds.
 */
import type { SimulationOutcome } from '../simulate.ts';

export function chromeTrace({ collector, replicas }: SimulationOutcome): string {
  const events: string[] = replicas.map(({ index }) =>
    JSON.stringify({ ph: 'M', pid: index, name: 'process_name', args: { name: `replica ${index}` } }),
  );
  for (const step of collector.traced) {
    const { replica, start, end, steps, decodes, promptTokens, running, waiting, kvShare } = step;
    const name = promptTokens === 0 ? 'decode' : decodes === 0 ? 'prefill' : 'mixed';
    const place = { pid: replica, tid: 0, ts: micro(start) };
    events.push(
      JSON.stringify({
        ph: 'X',
        name,
        ...place,
        dur: micro(end - start),
        args: { steps, decodes, promptTokens },
      }),
    );
    events.push(JSON.stringify({ ph: 'C', name: 'requests', ...place, args: { running, waiting } }));
    events.push(JSON.stringify({ ph: 'C', name: 'KV cache', ...place, args: { share: round(kvShare) } }));
  }
  return `{"traceEvents":[\n${events.join(',\n')}\n]}\n`;
}

/** Microseconds with three decimals: nanoseconds. */
function micro(seconds: number): number {
  return Math.round(seconds * 1e9) / 1e3;
}

function round(share: number): number {
  return Math.round(share * 1e4) / 1e4;
}
