/** The engine's state and memory as metrics. Names after the prefix equal vLLM's where the meaning is the same. */
import type { Engine } from '@plimsoll/engine';
import { heldByCategory } from '../../render/answer-text.ts';
import type { Metric } from './exposition.ts';

export function engineMetrics(engine: Engine): readonly Metric[] {
  return [...stateMetrics(engine), ...counters(engine), ...memoryMetrics(engine)];
}

function stateMetrics(engine: Engine): readonly Metric[] {
  const gauge = (name: string, help: string, read: Metric['read']): Metric => ({
    name: `plimsoll:${name}`,
    help,
    type: 'gauge',
    read,
  });
  return [
    gauge('num_requests_running', 'Sequences that hold memory.', () => engine.load.runningCount),
    gauge('num_requests_waiting', 'Sequences that wait for memory.', () => engine.load.waitingCount),
    gauge(
      'num_requests_paused',
      'Sequences that wait until their reader takes the text.',
      () => engine.load.pausedCount,
    ),
    gauge('kv_cache_usage_perc', 'Share of the blocks that sequences own, 0 to 1, per cache group.', () =>
      engine.occupancy.map(({ name, free, cached, owned }) => ({
        labels: { group: name },
        value: owned / Math.max(1, free + cached + owned),
      })),
    ),
    gauge('kv_cache_blocks', 'Blocks of the cache by state, per cache group.', () =>
      engine.occupancy.flatMap(({ name, free, cached, owned }) =>
        Object.entries({ free, cached, owned }).map(([state, value]) => ({
          labels: { group: name, state },
          value,
        })),
      ),
    ),
  ];
}

function counters(engine: Engine): readonly Metric[] {
  const counter = (name: string, help: string, read: () => number): Metric => ({
    name: `plimsoll:${name}_total`,
    help,
    type: 'counter',
    read,
  });
  return [
    counter('num_preemptions', 'Preempted sequences.', () => engine.metrics.preemptions),
    counter(
      'prefix_cache_queries',
      'Prompt tokens that were looked up in the prefix cache.',
      () => engine.metrics.prefixQueryTokens,
    ),
    counter(
      'prefix_cache_hits',
      'Prompt tokens that the prefix cache had.',
      () => engine.metrics.prefixHitTokens,
    ),
    counter('engine_steps', 'Steps of the engine.', () => engine.metrics.steps),
    counter('prefill_tokens', 'Prompt tokens that the engine computed.', () => engine.metrics.prefillTokens),
    counter(
      'discarded_tokens',
      'Computed tokens that preemptions threw away.',
      () => engine.metrics.discardedTokens,
    ),
    counter('requests_aborted', 'Sequences that were aborted.', () => engine.metrics.aborted),
    counter('requests_refused', 'Requests that the scheduler refused.', () => engine.metrics.refused),
  ];
}

function memoryMetrics(engine: Engine): readonly Metric[] {
  return [
    {
      name: 'plimsoll:ledger_bytes',
      help: 'Bytes that the engine holds, by category of the ledger.',
      type: 'gauge',
      read: () =>
        Object.entries(heldByCategory(engine.ledger())).map(([category, value]) => ({
          labels: { category },
          value,
        })),
    },
    {
      name: 'plimsoll:memory_limit_bytes',
      help: 'Memory limit of the process (--memory).',
      type: 'gauge',
      read: () => engine.memory.adoptedPlan?.budget.freeBytes ?? 0,
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      type: 'gauge',
      read: () => process.memoryUsage.rss(),
    },
  ];
}
