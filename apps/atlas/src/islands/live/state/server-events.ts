/** The events of `/v1/events?state=true` as the page uses them. Another server's data must not break the page. */

export interface BlockGroupState {
  readonly group: string;
  readonly blockTokens: number;
  readonly free: number;
  readonly cached: number;
  readonly owned: number;
  readonly blockCount: number;
  readonly blocksPerCell: number;
  /** Pairs of a cell's state and a number of cells: -1 free, -2 cached, -2 - n for n owners, else the only owner. */
  readonly runs: readonly number[];
}

export interface RequestState {
  readonly id: number;
  readonly state: string;
  readonly isPaused: boolean;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly computedTokens: number;
  readonly outputTokens: number;
  readonly blocks: number;
}

export interface HistogramState {
  readonly bounds: readonly number[];
  /** One count per bound, and one for the values above all bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface LedgerRow {
  readonly category: string;
  readonly plannedBytes: number;
  readonly heldBytes: number;
}

export interface ServerState {
  readonly model: string;
  readonly contextMax: number;
  readonly sequencesMax: number;
  readonly waitingMax: number;
  readonly vocabulary: number;
  readonly startedAt: number;
  readonly limitBytes: number;
  readonly residentBytes: number;
  readonly ledger: readonly LedgerRow[];
  readonly sequences: { readonly waiting: number; readonly running: number; readonly paused: number };
  readonly requests: readonly RequestState[];
  readonly requestsLeftOut: number;
  readonly blocks: readonly BlockGroupState[];
  readonly histograms: Readonly<Record<'firstToken' | 'interToken' | 'queue', HistogramState>>;
  readonly totals: {
    readonly promptTokens: number;
    readonly outputTokens: number;
    readonly preemptions: number;
    readonly prefixQueryTokens: number;
    readonly prefixHitTokens: number;
  };
}

export interface StepReport {
  readonly entries: readonly {
    readonly id: number;
    readonly kind: 'decode' | 'prefill';
    readonly samples: boolean;
  }[];
  readonly admitted: readonly number[];
  readonly finished: readonly number[];
  readonly preempted: readonly number[];
  readonly seconds: { readonly plan: number; readonly compute: number; readonly sample: number };
  /** Null from a server that plans no step. */
  readonly predictedSeconds: number | null;
}

/** Parses the data of an event `state`; null if it has another form. */
export function parseState(data: string): ServerState | null {
  const value = parseObject(data);
  const isState =
    value !== null &&
    ['ledger', 'requests', 'blocks'].every((name) => Array.isArray(value[name])) &&
    ['sequences', 'histograms', 'totals'].every((name) => isObject(value[name])) &&
    ['limitBytes', 'residentBytes', 'startedAt', 'waitingMax'].every(
      (name) => typeof value[name] === 'number',
    );
  return isState ? (value as unknown as ServerState) : null;
}

/** Parses the data of an event `step`; null if it has another form. */
export function parseStep(data: string): StepReport | null {
  const value = parseObject(data);
  const isStep =
    value !== null &&
    ['entries', 'admitted', 'finished', 'preempted'].every((name) => Array.isArray(value[name])) &&
    isObject(value.seconds);
  return isStep ? ({ predictedSeconds: null, ...value } as unknown as StepReport) : null;
}

export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
