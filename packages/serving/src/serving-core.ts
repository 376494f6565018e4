/** State that planning and the lifecycle of sequences share. */
import type { CheckedConfig } from './config.ts';
import type { ServingMetrics } from './metrics.ts';
import type { OutputLengths } from './output-lengths.ts';
import type { RunningList, WaitingQueue } from './queues.ts';
import type { RankRule } from './rank-rules.ts';
import type { Sequence } from './sequence.ts';
import type { SequenceMemory } from './sequence-memory.ts';
import type { HostSpill } from './spill.ts';

export interface ServingCore {
  readonly config: CheckedConfig;
  readonly memory: SequenceMemory;
  readonly host: HostSpill;
  readonly waiting: WaitingQueue;
  readonly running: RunningList;
  /** Paused sequences outside the running set: they are in no queue. */
  readonly parked: Set<Sequence>;
  /** Sequences with all their tokens that keep their blocks until a transport has read them. */
  readonly sending: Set<Sequence>;
  readonly metrics: ServingMetrics;
  readonly rule: RankRule;
  readonly lengths: OutputLengths;
}
