/** What a workload asks of the replicas: lengths of its requests and their rate, without a simulation. */
import { drawnRequests } from '../workload/drawn-requests.ts';
import type { DrawnRequest, Workload } from '../workload/workload.ts';

export interface OfferedLoad {
  /** Sorted tokens of the prompts that no prefix cache can have. */
  readonly computedTokens: readonly number[];
  readonly outputTokens: readonly number[];
  /** Sorted tokens of whole prompts. */
  readonly promptTokens: readonly number[];
  readonly promptMean: number;
  readonly computedMean: number;
  readonly outputMean: number;
  /** Null if a fixed number of clients sends the requests. */
  readonly requestsPerSecond: number | null;
  readonly clients: number | null;
}

/** Requests that are drawn for the lengths; the seed draws the same first requests in a simulation. */
const drawsMax = 20_000;

export function offeredLoad(workload: Workload, prefixCaching: boolean): OfferedLoad {
  const [prompts, computed, outputs]: [number[], number[], number[]] = [[], [], []];
  for (const { prompt, outputTokens } of drawnRequests(workload, drawsMax)) {
    const shared = prefixCaching ? sharedTokens(prompt) : 0;
    prompts.push(prompt.length);
    // An engine computes at least the last token of a prompt.
    computed.push(Math.max(1, prompt.length - shared));
    outputs.push(outputTokens);
  }
  return {
    computedTokens: sorted(computed),
    outputTokens: sorted(outputs),
    promptTokens: sorted(prompts),
    promptMean: meanOfList(prompts),
    computedMean: meanOfList(computed),
    outputMean: meanOfList(outputs),
    ...arrivalsOf(workload),
  };
}

/** A turn of a session may find its whole conversation in the cache. */
function sharedTokens({ length, hashIds, tokensPerId = 1, restId }: DrawnRequest['prompt']): number {
  return restId === undefined ? (hashIds?.length ?? 0) * tokensPerId : length;
}

/** The rate of sessions is a lower bound of the rate of their requests. */
function arrivalsOf({ arrivals }: Workload): Pick<OfferedLoad, 'requestsPerSecond' | 'clients'> {
  if (arrivals.kind === 'closed') return { requestsPerSecond: null, clients: arrivals.clients };
  if (arrivals.kind !== 'trace') return { requestsPerSecond: arrivals.requestsPerSecond, clients: null };
  const { rows, starts } = arrivals;
  if (starts?.kind === 'closed') return { requestsPerSecond: null, clients: starts.clients };
  if (starts?.kind === 'poisson') return { requestsPerSecond: starts.requestsPerSecond, clients: null };
  // The times of later turns depend on the answers.
  if (rows.some(({ follows }) => follows !== undefined)) return { requestsPerSecond: null, clients: null };
  const seconds = (rows.at(-1)?.atSeconds ?? 0) - (rows[0]?.atSeconds ?? 0);
  return { requestsPerSecond: seconds > 0 ? (rows.length - 1) / seconds : null, clients: null };
}

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((left, right) => left - right);
}

function meanOfList(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
